"""given bytes that are malformed, then what they claim to be is read as far as it can be."""

import json

import pytest

from consumers.contract.claims import Claimed, claimed_by
from consumers.contract.kafka_records import Headers
from tests.integration.messages import placed

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", id="O-1")
WHOLE = json.dumps(ORDER).encode()


def test_a_document_claims_its_attributes() -> None:
    claimed = claimed_by(WHOLE, ())
    assert (claimed.source, claimed.id, claimed.subject, claimed.type) == (
        ORDER["source"],
        "O-1",
        "SO-1",
        "order.placed.v1",
    )
    assert claimed.time is not None
    assert claimed.time.isoformat() == "2025-03-03T09:00:00+00:00"


@pytest.mark.parametrize("number", [b"0e999999999999999999999", b"1e999999999999999999999", b"NaN", b"9" * 5000])
def test_a_number_that_nobody_can_read_hides_nothing(number: bytes) -> None:
    assert claimed_by(WHOLE.replace(b'"quantity": 1', b'"quantity": ' + number), ()) == claimed_by(WHOLE, ())


def test_an_attribute_that_cannot_be_read_hides_no_other() -> None:
    for wrong in (b"7", b"1e999999999999999999999", b"null", b'""', b'"\\u0000"'):
        claimed = claimed_by(WHOLE.replace(b'"O-1"', wrong), ())
        assert (claimed.id, claimed.subject) == (None, "SO-1")


def test_headers_claim_in_kafkas_binary_mode() -> None:
    headers: Headers = (("ce_id", b"O-1"), ("ce_subject", b"SO-1"), ("ce_time", b"yesterday"))
    assert claimed_by(b"\xff", headers) == Claimed(id="O-1", subject="SO-1")


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"7", b"\xff", b"[" * 100_000, b'{"id": "O-1"'])
def test_other_bytes_claim_nothing(body: bytes) -> None:
    assert claimed_by(body, ()) == Claimed()
