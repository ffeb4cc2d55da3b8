"""given an upstream that was wrong, then its messages are found, shown, undone and corrected with four commands."""

import json
import re
import time
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from infra.simulation import simulate
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl, new_store, postgres_server, postgres_store, sqlite_store
from tests.stores.histories import UNTIL

__all__ = ["new_store", "postgres_server", "postgres_store", "sqlite_store"]

YEAR = timedelta(days=365)
SOURCE = "/order-entry"
WRONG = ("--source", SOURCE, "--type", "order.placed.v1", "--where", "data.promised_by>=2026-01-01")
WHY = ("--reason", "a release of 3 March read the year wrong", "--operator", "ann")
VIEWS = ("overdue", "workload", "orders")
MORE_VIEWS = (*VIEWS, "at-risk", "late", "scorecard", "order-lines", "shipments", "accounts")
AS_OF = ("--as-of", "2025-06-20T12:00:00Z")


def shifted(value: str, by: timedelta) -> str:
    if len(value) == len("2025-06-20"):
        return (date.fromisoformat(value) + by).isoformat()
    return (datetime.fromisoformat(value) + by).isoformat().replace("+00:00", "Z")


def moved(line: bytes, by: timedelta) -> bytes:
    """The message with another promise."""
    document = json.loads(line)
    document["data"]["promised_by"] = shifted(document["data"]["promised_by"], by)
    return json.dumps(document).encode()


def history(orders: int, wrong: int) -> tuple[list[bytes], list[bytes]]:
    """A sales floor, and the same with so many orders promised a year too late."""
    right = list(simulate(orders, 7, UNTIL, 0.0))
    documents = [json.loads(line) for line in right]
    # A message that an upstream voids itself is known to it by its id, which a correction changes.
    voided = {one["data"]["id"] for one in documents if one["type"] == "message.voided.v1"}
    told: list[bytes] = []
    for document, line in zip(documents, right, strict=True):
        of_upstream = (document["type"], document["source"]) == ("order.placed.v1", SOURCE)
        is_wrong = wrong > 0 and of_upstream and document["id"] not in voided
        wrong -= is_wrong
        told.append(moved(line, YEAR) if is_wrong else line)
    assert wrong == 0
    return right, told


def answers(waybill: Command, views: Sequence[str] = VIEWS) -> dict[str, Any]:
    return {view: waybill.ask(view, *AS_OF) for view in views}


def undone_and_corrected(waybill: Command, wrong: int) -> None:
    """The four commands."""
    found = waybill("events", *WRONG, "--format", "cloudevents").done().out.splitlines()
    assert len(found) == wrong

    shown = waybill.ask("void", *WRONG, *WHY)
    assert shown["messages"] == [{"type": "order.placed.v1", "verdict": "applied", "messages": wrong}]
    assert shown["subjects"] == wrong
    assert {"order_states", "order_line_periods"} <= {each["table"] for each in shown["tables"]}

    assert waybill.ask("void", *WRONG, *WHY, "--do")["voids"] == {"applied": wrong}

    file = waybill.file("right.jsonl", *(moved(line, -YEAR) for line in found))
    done = waybill.ask("correct", "--file", file, *WHY, "--do")
    assert (done["corrected"], done["right"], done["voids"]) == (wrong, {"applied": wrong}, {})


def ingested(waybill: Command, lines: Sequence[bytes]) -> None:
    waybill("ingest", waybill.file("floor.jsonl", *lines), "--history").done()


def test_wrong_promises_are_undone_and_corrected_in_four_commands(
    waybill: Command, other: Command, new_store: StoreUrl
) -> None:
    right, told = history(40, 8)
    waybill = waybill.with_(WAYBILL_STORE=new_store())
    ingested(waybill, told)
    ingested(other, right)
    assert answers(waybill) != answers(other)

    undone_and_corrected(waybill, 8)

    assert answers(waybill) == answers(other)
    waybill("verify").done()


@pytest.mark.slow
def test_three_hundred_wrong_promises_among_twenty_thousand_messages(
    waybill: Command, other: Command, new_store: StoreUrl
) -> None:
    right, told = history(3_400, 300)
    assert len(told) > 20_000
    waybill = waybill.with_(WAYBILL_STORE=new_store())
    ingested(waybill, told)
    ingested(other, right)

    undone_and_corrected(waybill, 300)

    assert answers(waybill, MORE_VIEWS) == answers(other, MORE_VIEWS)
    waybill("verify").done()


def test_one_rule_corrects_all_of_them_and_a_second_run_moves_nothing_twice(waybill: Command, other: Command) -> None:
    right, told = history(40, 8)
    ingested(waybill, told)
    ingested(other, right)
    rule = ("correct", *WRONG, "--set", "data.promised_by=-365d", *WHY)

    shown = waybill.ask(*rule)
    assert shown["right"] == [{"type": "order.placed.v1", "verdict": "applied", "messages": 8}]
    head = waybill.ask("status")["head"]
    assert waybill.ask(*rule, "--do")["corrected"] == 8
    assert waybill.ask("status")["head"] > head

    assert answers(waybill) == answers(other)
    again = waybill.ask(*rule, "--do")
    assert (again["act"], again["corrected"]) == (None, 0)
    acts = waybill.ask("events", "--stream", "operator-ann")
    assert [(act["event"], act["data"]["planned"]) for act in acts] == [("MessagesCorrected", 8)]


def test_a_void_of_many_goes_on_after_kills_and_is_one_act(waybill: Command) -> None:
    _, told = history(40, 8)
    small = waybill.with_(WAYBILL_BATCH_MESSAGES="3")
    ingested(waybill, told)
    command = ("void", "--source", SOURCE, "--type", "order.placed.v1", *WHY, "--do")
    total = waybill.ask(*command[:-1])["messages"]
    count = sum(one["messages"] for one in total)
    assert count > 30

    for batches in (1, 2):
        running = small.start(*command)
        while running.said.count('"batch_stored"') < batches:
            assert running.is_alive(), running.wait()
            time.sleep(0.005)
        running.kill()
        running.wait()
    ended = small.ask(*command)

    assert ended["continued"]
    voids = waybill.ask("events", "--type", "message.voided.v1", "--source", "waybill/operator")
    assert len({void["data"]["voided_id"] for void in voids}) == len(voids) == count
    (act,) = waybill.ask("events", "--stream", "operator-ann")
    assert (act["event"], act["data"]["planned"], act["message_id"]) == ("MessagesVoidedInBulk", count, ended["act"])
    assert len(waybill.ask("events", "--correlation", ended["act"])) == count
    assert waybill.ask(*command) == {"act": None, "voided": 0, "voids": {}, "continued": False}
    waybill("verify").done()


def test_a_void_of_many_is_undone_by_its_correlation_id(waybill: Command, other: Command) -> None:
    right, _ = history(20, 0)
    ingested(waybill, right)
    ingested(other, right)
    done = waybill.ask("void", "--source", SOURCE, "--until", "2025-06-25", *WHY, "--do")
    assert done["voided"] > 20

    undone = waybill.ask("void", "--correlation", done["act"], "--reason", "it was right after all", "--do")

    assert undone["voided"] == done["voided"]
    assert answers(waybill) == answers(other)


def test_a_correction_of_many_is_undone_by_its_act(waybill: Command, other: Command) -> None:
    _, told = history(20, 5)
    ingested(waybill, told)
    ingested(other, told)
    correction = ("correct", *WRONG, "--set", "data.promised_by=-365d", *WHY)
    text = waybill(*correction, "--do").done().text
    assert answers(waybill) != answers(other)
    (undo,) = re.findall(r"to undo it: waybill (void --act \w+) --reason … --do", text)
    undo = (*undo.split(), "--reason", "the release was right")
    shown = waybill.ask(*undo)
    assert {(one["type"], one["messages"]) for one in shown["messages"]} == {
        ("message.voided.v1", 5),
        ("order.placed.v1", 5),
    }

    undone = waybill.ask(*undo, "--do")

    assert undone["voided"] == 10
    assert answers(waybill) == answers(other)
    waybill("verify").done()
    # And it can be corrected again, after all.
    assert waybill.ask(*correction, "--do")["corrected"] == 5
