"""given a post to /v1/events, then each message is stored and told its verdict, in every mode of CloudEvents."""

import gzip
import hashlib
import json
import socket
from typing import Any

import httpx
import pytest
from sqlalchemy import select
from structlog.testing import capture_logs

from infra.app.status import read_status
from infra.store.register.tables import malformed_messages
from infra.web.security.principal import Principal, Role
from tests.integration.messages import SOURCE, Document, booked, cancelled, placed, voided
from tests.web.conftest import Served

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
STRUCTURED = {"content-type": "application/cloudevents+json"}
BATCHED = {"content-type": "application/cloudevents-batch+json"}
MIB = 1024 * 1024


def post(web: Served, message: Document | bytes, headers: dict[str, str] = STRUCTURED) -> httpx.Response:
    body = message if isinstance(message, bytes) else json.dumps(message).encode()
    return web.client.post("/v1/events", content=body, headers=headers)


def binary(message: Document, **more: str) -> dict[str, str]:
    """The attributes of a message as headers."""
    return {"content-type": "application/json", **{f"ce-{n}": v for n, v in message.items() if n != "data"}, **more}


def books(web: Served) -> dict[str, int]:
    return read_status(web.waybill).books._asdict()


def test_an_applied_message_is_answered_with_its_verdict_and_position(web: Served) -> None:
    answer = post(web, placed("SO-1", EARLY, PROMISE, id="O-1", discount="10"))

    assert answer.status_code == 200
    told = answer.json()
    assert told["position"] == web.waybill.history.head() > 0
    assert {name: told[name] for name in ("source", "id", "subject", "type", "verdict", "ignored")} == {
        "source": SOURCE,
        "id": "O-1",
        "subject": "SO-1",
        "type": "order.placed.v1",
        "verdict": "applied",
        "ignored": ["discount"],
    }


def test_a_well_formed_message_is_200_whatever_its_verdict(sqlite_web: Served) -> None:
    held = post(sqlite_web, booked("SO-1", EARLY, PROMISE))
    applied = post(sqlite_web, placed("SO-1", EARLY, PROMISE))
    again = post(sqlite_web, placed("SO-1", EARLY, PROMISE))
    post(sqlite_web, cancelled("SO-1", "2025-03-04T09:00:00Z"))
    refused = post(sqlite_web, booked("SO-1", "2025-03-05T09:00:00Z", PROMISE, "S2"))

    answers = [held, applied, again, refused]
    assert [answer.status_code for answer in answers] == [200] * 4
    assert [answer.json()["verdict"] for answer in answers] == ["held", "applied", "duplicate", "refused"]
    assert all(answer.json()["reason"] for answer in (held, again, refused))


def test_a_malformed_message_is_422_names_the_field_and_is_kept(web: Served) -> None:
    message = placed("SO-1", EARLY, PROMISE, id="O-1", currency="dollars")

    first, again = post(web, message), post(web, message)

    assert (first.status_code, again.status_code) == (422, 422)
    assert first.headers["content-type"] == "application/problem+json"
    told = first.json()
    assert "data.currency" in told["detail"]
    assert (told["verdict"], told["source"], told["id"]) == ("malformed", SOURCE, "O-1")
    assert again.json()["verdict"] == "duplicate"
    (letter,) = web.waybill.dead_letters.dead(web.waybill.clock())
    assert (letter.topic, letter.letter_id) == ("http", hashlib.sha256(json.dumps(message).encode()).hexdigest())


def test_a_batch_is_answered_in_order_and_keeps_the_bytes_of_each_message(web: Served) -> None:
    good, bad = json.dumps(placed("SO-1", EARLY, PROMISE)), '{ "id" : "X" }'
    late = json.dumps(booked("SO-9", EARLY, PROMISE))

    answer = post(web, f"[ {good},\n {bad} , {late}, {good}]".encode(), BATCHED)

    assert answer.status_code == 200
    assert [told["verdict"] for told in answer.json()] == ["applied", "malformed", "held", "duplicate"]
    (letter,) = web.waybill.dead_letters.dead(web.waybill.clock())
    assert letter.letter_id == hashlib.sha256(bad.encode()).hexdigest()
    assert books(web) == {"received": 4, "applied": 1, "duplicate": 1, "held": 1, "dead": 1}


@pytest.mark.parametrize("body", [b"{}", b"no JSON", b"", b'[{"id": 1}', b'["a" "b"]'])
def test_a_batch_that_is_no_array_is_one_malformed_message(sqlite_web: Served, body: bytes) -> None:
    answer = post(sqlite_web, body, BATCHED)

    assert answer.status_code == 422
    assert answer.json()["detail"].startswith("batch: must be a JSON array of CloudEvents")
    assert books(sqlite_web)["dead"] == books(sqlite_web)["received"] == 1


@pytest.mark.parametrize(
    "broken", [rb'{"a":"\ud800"}', b'{"a":' + b"[" * 2_000 + b"]" * 2_000 + b"}"], ids=["text", "deep"]
)
def test_a_broken_message_of_a_batch_is_malformed_alone(sqlite_web: Served, broken: bytes) -> None:
    good = json.dumps(placed("SO-1", EARLY, PROMISE)).encode()

    answer = post(sqlite_web, b"[" + broken + b"," + good + b"]", BATCHED)

    assert (answer.status_code, [told["verdict"] for told in answer.json()]) == (200, ["malformed", "applied"])


def test_an_empty_batch_says_nothing(sqlite_web: Served) -> None:
    assert post(sqlite_web, b"[]", BATCHED).json() == []
    assert books(sqlite_web)["received"] == 0


def test_binary_mode_reads_the_attributes_from_percent_encoded_headers(web: Served) -> None:
    message = placed("SO-1", EARLY, PROMISE, id='Bestellung "1" – 50 %', source="/crm/österreich")
    encoded = {"ce-id": "Bestellung%20%221%22%20%E2%80%93%2050%20%25", "ce-source": '"/crm/%C3%B6sterreich"'}

    answer = web.client.post(
        "/v1/events", json=message["data"], headers=binary({**message, "id": "", "source": ""}, **encoded)
    )

    told = answer.json()
    assert (answer.status_code, told["verdict"]) == (200, "applied")
    assert (told["id"], told["source"]) == ('Bestellung "1" – 50 %', "/crm/österreich")


def test_malformed_messages_in_binary_mode_differ_by_their_attributes(sqlite_web: Served) -> None:
    message = placed("SO-1", EARLY, PROMISE, currency="dollars")

    def posted(subject: str) -> Any:
        headers = binary({**message, "subject": subject})
        return sqlite_web.client.post("/v1/events", json=message["data"], headers=headers).json()["verdict"]

    assert [posted("SO-1"), posted("SO-2"), posted("SO-1")] == ["malformed", "malformed", "duplicate"]


def test_data_in_base64_and_other_json_types_are_taken(sqlite_web: Served) -> None:
    message = placed("SO-1", EARLY, PROMISE)
    headers = binary(message, **{"content-type": "application/vnd.order+json; charset=utf-8"})

    answer = sqlite_web.client.post("/v1/events", content=json.dumps(message["data"]), headers=headers)

    assert answer.json()["verdict"] == "applied"


@pytest.mark.parametrize("mode", ["structured", "binary"])
@pytest.mark.parametrize("size", [MIB + 1, 3 * MIB])
def test_a_message_that_is_too_large_is_413_and_its_beginning_is_kept(sqlite_web: Served, mode: str, size: int) -> None:
    headers = STRUCTURED if mode == "structured" else binary(placed("SO-1", EARLY, PROMISE))
    body = b"x" * size

    answer = post(sqlite_web, body, headers)

    assert answer.status_code == 413
    assert hashlib.sha256(body).hexdigest() in answer.json()["detail"] and str(size) in answer.json()["detail"]
    with sqlite_web.waybill.engine.connect() as connection:
        kept = connection.execute(select(malformed_messages.c.body)).scalar_one()
    assert kept == body[: 64 * 1024]
    assert books(sqlite_web)["dead"] == 1


def test_a_batch_that_is_too_large_is_413(sqlite_web: Served) -> None:
    answer = post(sqlite_web, b"[" + b" " * (4 * MIB), BATCHED)

    assert answer.status_code == 413
    assert answer.json()["detail"].startswith("batch: must have at most 4194304 bytes, but has 4194305")


def test_a_large_message_spoils_only_its_own_place_in_a_batch(sqlite_web: Served) -> None:
    large = placed("SO-1", EARLY, PROMISE, reference="x" * MIB)

    answer = post(sqlite_web, json.dumps([large, placed("SO-2", EARLY, PROMISE)]).encode(), BATCHED)

    assert [told["verdict"] for told in answer.json()] == ["malformed", "applied"]


@pytest.mark.parametrize(
    "content_type",
    ["", "text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x"],
)
def test_what_a_form_of_another_site_can_send_is_415(sqlite_web: Served, content_type: str) -> None:
    answer = post(sqlite_web, placed("SO-1", EARLY, PROMISE), {"content-type": content_type} if content_type else {})

    assert answer.status_code == 415
    assert "application/cloudevents+json" in answer.json()["detail"]
    assert books(sqlite_web)["received"] == 0


def test_a_key_bound_to_a_source_publishes_no_other(sqlite_web: Served) -> None:
    sqlite_web.principal = Principal("crm", frozenset({Role.PUBLISH}), "/crm")
    own, other = placed("SO-1", EARLY, PROMISE, source="/crm"), placed("SO-2", EARLY, PROMISE, source="/shop")
    forged = {**other, "type": "no.such.type"}

    assert post(sqlite_web, own).status_code == 200
    assert post(sqlite_web, other).status_code == post(sqlite_web, forged).status_code == 403
    assert sqlite_web.client.post("/v1/events", json=other["data"], headers=binary(other)).status_code == 403
    refused = post(sqlite_web, json.dumps([placed("SO-3", EARLY, PROMISE, source="/crm"), other]).encode(), BATCHED)
    assert (refused.status_code, refused.json()["index"]) == (403, 1)
    assert books(sqlite_web)["received"] == 1


def test_a_key_bound_to_a_source_voids_no_other_sources_message(sqlite_web: Served) -> None:
    order = placed("SO-1", EARLY, PROMISE, source="/shop")
    assert post(sqlite_web, order).status_code == 200
    sqlite_web.principal = Principal("crm", frozenset({Role.PUBLISH}), "/crm")

    answer = post(sqlite_web, voided(order, EARLY, source="/crm"))

    assert answer.status_code == 403
    assert "data.source: must be /crm" in answer.json()["detail"]
    assert books(sqlite_web)["received"] == 1


def test_compressed_bodies_are_415(sqlite_web: Served) -> None:
    body = gzip.compress(json.dumps(placed("SO-1", EARLY, PROMISE)).encode())

    answer = post(sqlite_web, body, {**STRUCTURED, "content-encoding": "gzip"})

    assert answer.status_code == 415
    assert answer.json()["detail"].startswith("content-encoding: must be left out, but is gzip")
    assert books(sqlite_web)["received"] == 0


def test_a_client_that_leaves_in_the_middle_is_no_failure_of_the_server(sqlite_web: Served) -> None:
    host, _, port = sqlite_web.url.removeprefix("http://").rstrip("/").partition(":")
    with capture_logs() as logs:
        with socket.create_connection((host, int(port))) as client:
            client.sendall(
                b"POST /v1/events HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/cloudevents+json\r\n"
            )
            client.sendall(b"Content-Length: 1000\r\n\r\n{")
        assert post(sqlite_web, placed("SO-1", EARLY, PROMISE)).status_code == 200
    assert [log for log in logs if log["event"] == "request_failed"] == []


def test_a_reader_publishes_nothing(sqlite_web: Served) -> None:
    sqlite_web.principal = Principal("ann", frozenset({Role.READ}))

    assert post(sqlite_web, placed("SO-1", EARLY, PROMISE)).status_code == 403
