"""given a store, then `waybill status` and `waybill events` say where everything stands and what is in it."""

import signal
import time
from collections.abc import Callable

from tests.integration.command import Command
from tests.integration.messages import SOURCE, booked, cancelled, confirmed, dispatched, placed, registered

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKING = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T16:00:00Z")


def test_the_status_has_the_shape_that_others_check_against(waybill: Command) -> None:
    waybill.ingest(ORDER, ORDER, dispatched("SO-9", "2025-03-04T09:00:00Z"), b"{}")

    told = waybill.ask("status")

    assert list(told)[:4] == ["books", "head", "projections", "partitions"]
    more = ["paused", "parked", "rebuilds", "reactors", "unreadable_batches", "records_left_out", "set_aside", "pruned"]
    assert list(told)[4:] == more
    assert list(told["books"].items()) == [("received", 4), ("applied", 1), ("duplicate", 1), ("held", 1), ("dead", 1)]
    assert told["head"] == 2
    columns = ["name", "version", "position", "lag", "state", "serves"]
    assert [list(p) for p in told["projections"]] == [columns] * len(told["projections"])
    assert "order_states" in {projection["name"] for projection in told["projections"]}
    assert all((p["position"], p["lag"], p["state"]) == (2, 0, "live") for p in told["projections"])
    assert told["partitions"] == []
    table = waybill("status").done().text
    assert "order_states" in table
    assert (
        waybill("status", "--format", "csv").done().text.startswith("received,applied,duplicate,held,dead\n4,1,1,1,1\n")
    )


def test_the_status_of_an_empty_store(waybill: Command) -> None:
    waybill.ingest()
    told = waybill.ask("status")
    assert told["books"] == {"received": 0, "applied": 0, "duplicate": 0, "held": 0, "dead": 0}
    assert told["head"] == 0
    assert all((p["position"], p["lag"], p["state"]) == (0, 0, "live") for p in told["projections"])


def test_a_reading_that_was_broken_off_is_a_partition(waybill: Command) -> None:
    file = waybill.folder / "messages.jsonl.gz"
    file.write_bytes(b"\x1f\x8b")
    waybill("ingest", file).exited(1)

    (partition,) = waybill.ask("status")["partitions"]

    assert list(partition)[:5] == ["topic", "partition", "next_offset", "end_offset", "lag"]
    assert partition["topic"] == f"file:{file}"
    assert (partition["partition"], partition["next_offset"]) == (0, 0)


def test_the_events_in_the_order_of_the_store(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, name="1")
    waybill.ingest(
        registered("rep-1", "2025-03-01T08:00:00Z", "Ann"), cancelled("SO-1", "2025-03-03T10:00:00Z"), name="2"
    )

    events = waybill.ask("events")

    told = [(event["position"], event["stream"], event["event"]) for event in events]
    assert sorted(told[:2]) == [(1, "order-SO-1", "OrderPlaced"), (2, "order-SO-1", "ShipmentBooked")]
    assert {name for _, _, name in told[2:]} == {"RepRegistered", "OrderCancelled", "VerdictChanged"}
    assert [position for position, _, _ in told] == [1, 2, 3, 4, 5]
    first = events[0]
    assert (first["source"], first["message_id"], first["occurred_at"]) == (SOURCE, ORDER["id"], ORDER["time"])
    assert first["data"]["promised_by"] == "2025-03-10T16:00:00Z"
    # and some of them
    of_order = waybill.ask("events", "--stream", "order-SO-1")
    assert [event["version"] for event in of_order] == [1, 2, 3, 4]
    assert {event["event"] for event in waybill.ask("events", "--type", "OrderPlaced")} == {"OrderPlaced"}
    assert waybill.ask("events", "--type", "order.placed.v1") == waybill.ask("events", "--type", "OrderPlaced")
    assert len(waybill.ask("events", "--limit", "2")) == 2
    assert waybill.ask("events", "--since", "2999-01-01") == []
    waybill("events", "--stream", "order-SO-404").exited(1, "there is no stream order-SO-404")
    assert len(waybill("events", "--format", "csv").done().rows) == 5
    assert "OrderPlaced" in waybill("events").done().text


def test_asking_changes_nothing(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, confirmed("SO-1", "2025-03-11T16:00:00Z"), b"{}")
    before = waybill.ask("events"), waybill.ask("status")

    for command in (
        "overdue",
        "at-risk",
        "workload",
        "late",
        "follow-ups",
        "held",
        "dead-letters",
        "settings",
        "verify",
    ):
        waybill(command).done()
    waybill("order", "SO-1").done()
    waybill("overdue", "--known-at", "2025-03-05").done()

    assert (waybill.ask("events"), waybill.ask("status")) == before


def test_following_ends_after_so_many_events_where_a_limit_is_given(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, dispatched("SO-1", "2025-03-05T09:00:00Z"))
    lines = waybill("events", "--follow", "--after", "0", "--limit", "2", "--format", "json").done().text.splitlines()
    assert len(lines) == 2


def test_events_are_narrowed_by_what_they_are_about(waybill: Command) -> None:
    waybill.ingest(ORDER, BOOKING, {**dispatched("SO-1", "2025-03-05T09:00:00Z"), "correlationid": "call-7"}, b"{}")

    def found(*options: str) -> list[str]:
        return [event["event"] for event in waybill.ask("events", *options)]

    assert found("--source", SOURCE, "--since", "2025-03-04", "--until", "2025-03-05") == ["ShipmentBooked"]
    assert found("--correlation", "call-7") == ["ShipmentDispatched"]
    assert found("--message-id", ORDER["id"]) == ["OrderPlaced"]
    assert found("--where", "data.carrier=Swift", "--where", "data.mode=courier") == ["ShipmentBooked"]
    assert found("--received-until", "2025-03-05") == []
    assert len(found("--received-since", "2025-03-05", "--after", "1")) == 2
    waybill("events", "--until", "2025-03-05", "--since", "2025-03-05").exited(2, "must be later than --since")
    waybill("events", "--where", "carrier").exited(2, "--where", "is not a condition; write FIELD=VALUE")
    waybill("events", "--type", "OrderPlacd").exited(2, "did you mean OrderPlaced?")


def test_an_unknown_source_is_answered_with_the_nearest(waybill: Command) -> None:
    waybill.ingest(ORDER)
    near = f"no message of {SOURCE[1:]} is known; did you mean {SOURCE}?"
    waybill("events", "--source", SOURCE[1:]).exited(1, near)
    waybill("message", SOURCE[1:], ORDER["id"]).exited(1, near)
    waybill("trace", SOURCE[1:], ORDER["id"]).exited(1, near)
    assert "no message of" not in waybill("events", "--source", SOURCE).done().err


def test_a_span_may_begin_an_age_ago(waybill: Command) -> None:
    waybill.ingest(ORDER, b"{}")
    assert len(waybill.ask("events", "--received-since", "2h")) == 1
    assert waybill.ask("events", "--since", "3d") == waybill.ask("events", "--received-until", "30m") == []
    assert len(waybill.ask("dead-letters", "--since", "1h")) == 1
    assert waybill.ask("dead-letters", "--until", "1h") == []
    waybill("events", "--since", "2y").exited(2, "is not an instant")


def test_events_exported_as_messages_make_the_same_store_again(waybill: Command, other: Command) -> None:
    waybill.ingest(ORDER, registered("rep-1", "2025-03-01T08:00:00Z", "Ann"), {**ORDER, "id": "again"})
    waybill.ingest(BOOKING, name="2.jsonl")
    waybill("void", SOURCE, BOOKING["id"], "--reason", "no such van").done()

    exported = waybill("events", "--format", "cloudevents").done()

    assert "left out" in exported.err
    file = other.folder / "exported.jsonl"
    file.write_bytes(exported.out)
    other("ingest", file, "--history").done()
    again = other("events", "--format", "cloudevents").done()
    assert sorted(again.out.splitlines()) == sorted(exported.out.splitlines())
    assert other.ask("order", "SO-1")["order"] == waybill.ask("order", "SO-1")["order"]


def until(reached: Callable[[], bool]) -> None:
    while not reached():
        time.sleep(0.02)


def test_a_follower_ends_with_its_signal_and_has_told_every_event(waybill: Command) -> None:
    waybill.ingest(ORDER)
    _follows(waybill, signal.SIGTERM)
    _follows(waybill, signal.SIGINT)


def _follows(waybill: Command, number: signal.Signals) -> None:
    following = waybill.start("events", "--follow", "--after", "0", "--format", "csv")
    until(lambda: b"OrderPlaced" in following.out_so_far)
    waybill.ingest(BOOKING, {**ORDER, "id": number.name}, name=f"{number.name}.jsonl")
    until(lambda: number.name.encode() in following.out_so_far)
    following.signal(number)
    positions = [int(row["position"]) for row in following.wait().done().rows]
    assert positions == list(range(1, len(positions) + 1))


def test_a_follower_begins_with_what_is_stored_after_its_start(waybill: Command) -> None:
    waybill.ingest(ORDER)
    following = waybill.start("events", "--follow", "--format", "csv")
    since = waybill.start("events", "--follow", "--since", "2025-03-03", "--format", "csv")
    number = 0
    while not (b"new-" in following.out_so_far and b"new-" in since.out_so_far):
        number += 1
        waybill.ingest({**ORDER, "id": f"new-{number}"}, name=f"{number}.jsonl")
    for one in (following, since):
        one.signal(signal.SIGTERM)

    new = [row["message_id"] for row in following.wait().done().rows]
    assert new and all(message_id.startswith("new-") for message_id in new)
    assert [row["message_id"] for row in since.wait().done().rows][:2] == [ORDER["id"], "new-1"]
