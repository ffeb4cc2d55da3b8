"""A settling restored from a snapshot takes the next facts as the original would, or says that it cannot."""

from datetime import date
from typing import Any

import pytest

from consumers.ingest.snapshots import restore_snapshot, take_snapshot
from domain.fact import Fact
from domain.settling import Settling
from domain.standing_order.events import Every
from domain.stepping import can_be_stepped_on, step_on
from domain.streams import settle_stream
from tests.unit.domain.facts import (
    attempted,
    booked,
    dispatched,
    established,
    missed,
    parcel_delayed,
    parcel_dispatched,
    placed,
    voided,
)

STREAM = "order-SO-1"
OTHER_KINDS = {
    "standing-order-12": [
        established(8, every=Every(weekday=2), until=date(2026, 12, 31)),
        missed(9, date(2026, 3, 3)),
    ],
    "parcel-1Z999AA1": [parcel_dispatched(8, "Speedy Express"), parcel_delayed(9, until=12)],
}
REFUSED_AT_9 = (placed(8), booked(8.5), booked(9, "S-2"))


def snapshot_of(*facts: Fact) -> bytes | None:
    return take_snapshot(settle_stream(STREAM, list(facts), watched=False))


def restored(*facts: Fact) -> Settling[Any]:
    settling = restore_snapshot(STREAM, snapshot_of(*facts) or b"")
    assert settling is not None
    return settling


def test_what_needs_all_facts_again_has_no_snapshot() -> None:
    wrong = booked(9)
    assert snapshot_of() is None
    assert snapshot_of(placed(8), dispatched(9)) is None
    assert snapshot_of(placed(8), wrong, voided(wrong)) is None


@pytest.mark.parametrize("stream", OTHER_KINDS)
def test_other_kinds_of_subject_are_restored_as_they_were(stream: str) -> None:
    settling = settle_stream(stream, OTHER_KINDS[stream], watched=False)
    again = restore_snapshot(stream, take_snapshot(settling) or b"")
    assert again is not None
    assert again.state == settling.state


def test_what_is_restored_takes_a_further_fact_of_its_last_instant() -> None:
    assert can_be_stepped_on(restored(placed(8), booked(9)), [dispatched(9)])


def test_not_so_where_something_was_forbidden_at_that_instant_for_a_snapshot_lacks_it() -> None:
    settling = restored(*REFUSED_AT_9)
    assert not can_be_stepped_on(settling, [attempted(9)])
    assert can_be_stepped_on(settling, [attempted(10)])


def test_what_was_forbidden_is_of_no_account_once_its_instant_has_passed() -> None:
    settling = restored(*REFUSED_AT_9)
    step_on(settling, [attempted(10)])
    assert can_be_stepped_on(settling, [attempted(10)])


def test_a_snapshot_of_what_was_restored_still_tells_that_something_was_forbidden() -> None:
    again = restore_snapshot(STREAM, take_snapshot(restored(*REFUSED_AT_9)) or b"")
    assert again is not None
    assert not can_be_stepped_on(again, [attempted(9)])


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        (b'"rules":', b'"rules":9'),
        (b'"forbidden":', b'"prohibited":'),
        (b'"forbidden":false', b'"forbidden":"no"'),
        (b"{", b"not JSON {"),
        (b"{", b"\xff{"),
    ],
    ids=["of other rules", "without a field", "with another type", "no JSON", "no UTF-8"],
)
def test_a_snapshot_of_other_rules_or_of_another_shape_counts_as_none(written: bytes, stored: bytes) -> None:
    snapshot = snapshot_of(placed(8), booked(9)) or b""
    assert written in snapshot
    assert restore_snapshot(STREAM, snapshot.replace(written, stored, 1)) is None
