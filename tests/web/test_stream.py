"""given a server, then /v1/events/stream tells of what is stored and of verdicts, and ends with the server."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.integration.messages import booked, confirmed, placed
from tests.stores.conftest import StoreUrl
from tests.web.conftest import Served, served_web

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
STREAM = "/v1/events/stream"


def events_in(answer: httpx.Response) -> Iterator[dict[str, Any]]:
    """The events of a stream, as they come."""
    event: dict[str, Any] = {}
    for line in answer.iter_lines():
        name, _, value = line.partition(": ")
        if not line and "event" in event:
            yield event
            event = {}
        elif name in ("id", "event"):
            event[name] = value
        elif name == "data":
            event["data"] = json.loads(value)


def test_what_is_stored_and_each_verdict_is_told_as_it_comes(web: Served) -> None:
    web.seed(PLACED)
    with web.client.stream("GET", STREAM) as answer:
        told = events_in(answer)
        assert next(told)["data"] == {"position": web.waybill.history.head()}
        # when an order is placed, and a delivery of another one waits for it
        web.seed(
            placed("SO-2", "2025-03-03T10:00:00Z", "2025-03-10T16:00:00Z"), confirmed("SO-3", "2025-03-04T10:00:00Z")
        )
        stored, waiting, verdict = next(told), next(told), next(told)
    assert (stored["event"], stored["data"]["event"], stored["data"]["subject"]) == ("stored", "OrderPlaced", "SO-2")
    assert waiting["data"]["position"] == web.waybill.history.head()
    assert (verdict["event"], verdict["data"]["data"]["verdict"]) == ("verdict", "held")
    assert verdict["data"]["subject"] == "SO-3"


def test_whoever_connects_again_misses_nothing_and_hears_nothing_twice(web: Served) -> None:
    web.seed(PLACED, confirmed("SO-2", "2025-03-04T10:00:00Z"), booked("SO-1", "2025-03-03T10:00:00Z", "2025-03-08"))
    with web.client.stream("GET", STREAM, params={"after": "0"}) as answer:
        told = events_in(answer)
        whole = [next(told) for _ in range(5)][1:]
    assert [one["event"] for one in whole] == ["stored"] * 3 + ["verdict"]
    for number, one in enumerate(whole[:-1]):
        with web.client.stream("GET", STREAM, headers={"Last-Event-ID": one["id"]}) as answer:
            told = events_in(answer)
            assert [next(told) for _ in range(4 - number)][1:] == whole[number + 1 :]


def test_after_a_position_come_the_later_ones(sqlite_web: Served) -> None:
    sqlite_web.seed(PLACED)
    position = sqlite_web.waybill.history.head()
    sqlite_web.seed(booked("SO-1", "2025-03-03T10:00:00Z", "2025-03-08"))
    with sqlite_web.client.stream("GET", STREAM, params={"after": str(position)}) as answer:
        told = events_in(answer)
        assert (next(told)["event"], next(told)["data"]["event"]) == ("begun", "ShipmentBooked")


def test_the_stream_ends_when_the_server_stops(sqlite_store: StoreUrl) -> None:
    with served_web(sqlite_store()) as served:
        # a client of its own, because that of the server is closed with it
        client = httpx.Client(base_url=served.url, timeout=30)
        begun = client.stream("GET", STREAM)
        answer = begun.__enter__()
        told = events_in(answer)
        next(told)
    with pytest.raises(StopIteration):
        next(told)
    begun.__exit__(None, None, None)
    client.close()


def test_a_place_that_is_none_is_refused(sqlite_web: Served) -> None:
    answer = sqlite_web.client.get(STREAM, params={"after": "yesterday"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("after: 'yesterday' is neither a position nor the id of an event")
