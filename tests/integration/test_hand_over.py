"""given a desk, when `waybill hand-over` is called, then it shows, acts or writes, and its exit code says which."""

import json
import random

import pytest

from tests.integration.command import Command
from tests.integration.messages import line, message, placed, registered

EARLY = "2025-03-03T09:00:00Z"
PROMISE = "2025-03-10T16:00:00Z"
ORDERS = 40
COLUMNS = ["kind", "subject", "account_id", "from_rep_id", "to_rep_id", "verdict", "reason", "source", "id"]


@pytest.fixture
def desk(waybill: Command) -> Command:
    account = message("account.registered", "ACME", EARLY, {"name": "Acme", "segment": "b2b", "rep_id": "rep-1"})
    reps = [registered("rep-1", EARLY, "Amara Abara"), registered("rep-2", EARLY, "Bela Brandt")]
    waybill.ingest(account, *reps, *(placed(f"SO-{number:02}", EARLY, PROMISE) for number in range(ORDERS)))
    return waybill


def held_by(waybill: Command, rep: str) -> int:
    return sum(row["rep_id"] == rep for row in waybill.ask("orders"))


def test_without_do_it_only_shows_what_would_be_handed_over(desk: Command) -> None:
    ran = desk("hand-over", "--from", "rep-1", "--to", "rep-2", "--format", "csv").exited(
        0, "would hand over 1 account and 40 open orders; to do it, add --do"
    )

    assert list(ran.rows[0]) == COLUMNS
    assert len(ran.rows) == 1 + ORDERS
    assert held_by(desk, "rep-1") == ORDERS


def test_with_do_everything_is_with_the_other_rep_and_each_message_names_who_acted(desk: Command) -> None:
    words = ("--do", "--reason", "leaves on Friday", "--operator", "ann")
    rows = desk.ask("hand-over", "--from", "rep-1", "--to", "rep-2", *words)

    assert {row["verdict"] for row in rows} == {"applied"}
    assert {row["source"] for row in rows} == {"waybill/operator/ann"}
    assert desk.ask("message", rows[7]["source"], rows[7]["id"])[0]["subject"] == rows[7]["subject"]
    assert held_by(desk, "rep-2") == ORDERS
    told = [event for event in desk.ask("events", "--stream", "order-SO-07") if event["event"] == "OrderReassigned"]
    assert [event["source"] for event in told] == ["waybill/operator/ann"]
    assert "leaves on Friday" in json.dumps(told)
    again = desk("hand-over", "--from", "rep-1", "--to", "rep-2", "--do").done()
    assert "nothing to hand over" in again.text


def test_it_says_what_still_leads_to_the_rep_who_gave_the_work(desk: Command) -> None:
    data = {"account_id": "ACME", "rep_id": "rep-1", "segment": "b2b", "currency": "USD", "lines": [line()]}
    terms = {**data, "every": {"days": 1}, "first_on": "2999-01-02", "lead_days": 0}
    desk.ingest(*(message("standing_order.established", name, EARLY, terms) for name in ("12", "13")), name="s.jsonl")

    ran = desk("hand-over", "--from", "rep-1", "--to", "rep-2", "--do", "--format", "json").exited(
        0,
        "2 standing orders still name rep-1 (12, 13): their future orders go to rep-1; establish them again with rep-2",
        "rep-1 is still registered: publish rep.left.v1, or balance gives work back (waybill balance --without rep-1)",
    )

    assert {row["verdict"] for row in ran.json} == {"applied"}
    assert desk.ask("balance", "--move-accounts")["moves"]
    assert desk.ask("balance", "--move-accounts", "--without", "rep-1")["moves"] == []
    # and once the rep has left, nothing is said
    desk.ingest(message("rep.left", "rep-1", EARLY, {}), name="left.jsonl")
    assert "registered" not in desk("hand-over", "--from", "rep-1", "--to", "rep-2").done().text


def test_with_out_it_writes_messages_that_somebody_ingests_later_once(desk: Command) -> None:
    hand_over = ("hand-over", "--account", "ACME", "--to", "rep-2", "--operator", "ann", "--out", "gives.jsonl")
    desk(*hand_over).done()
    written = (desk.folder / "gives.jsonl").read_bytes().splitlines()
    assert held_by(desk, "rep-1") == ORDERS

    first = desk.ask("ingest", "gives.jsonl")
    second = desk.ask("ingest", desk.file("again.jsonl", *written))

    assert first["applied"] == len(written) == 1 + ORDERS
    assert second["duplicate"] == 1 + ORDERS
    assert held_by(desk, "rep-2") == ORDERS
    piped = desk("hand-over", "--account", "ACME", "--to", "rep-1", "--out", "-").done()
    assert len([json.loads(line) for line in piped.out.splitlines()]) == 1 + ORDERS


@pytest.mark.parametrize(
    ("arguments", "code", "saying"),
    [
        (("--to", "rep-2"), 2, "either an account (--account) or a rep (--from)"),
        (("--to", "rep-2", "--from", "rep-1", "--account", "ACME"), 2, "either an account"),
        (("--to", "rep-2", "--from", "rep-2"), 2, "the same rep"),
        (("--to", "rep-2", "--from", "rep-1", "--do", "--out", "x.jsonl"), 2, "give one of them"),
        (("--to", "rep-2", "--from", "rep-1", "--operator", ""), 2, "--operator"),
        (("--to", "rep-2", "--from", "rep-1", "--out", "no/folder/x.jsonl"), 2, "--out"),
        (("--from", "rep-1"), 2, "--to"),
        (("--to", "rep-2", "--from", "rep-11"), 1, "no rep rep-11 is known; the nearest: rep-1 (Amara Abara)"),
        (("--to", "rep-2", "--account", "ACNE"), 1, "no account ACNE is known; the nearest: ACME"),
        (("--to", "rep-9", "--from", "rep-1"), 1, "rep rep-9 is not registered"),
        (("--to", "rep-9", "--from", "rep-1", "--force"), 0, "rep rep-9 is not registered"),
    ],
)
def test_its_exit_code_and_words(desk: Command, arguments: tuple[str, ...], code: int, saying: str) -> None:
    desk("hand-over", *arguments).exited(code, saying)
    assert held_by(desk, "rep-1") == ORDERS


def test_killed_at_any_instant_it_has_handed_over_everything_or_nothing(desk: Command) -> None:
    draw, seen = random.Random(7), set[int]()
    for _ in range(4):
        holder, other = ("rep-1", "rep-2") if held_by(desk, "rep-1") else ("rep-2", "rep-1")
        running = desk.start("hand-over", "--from", holder, "--to", other, "--do")
        wait_for = draw.choice(["leadership_taken", "batch_stored", "batch_projected", ""])
        while wait_for and wait_for not in running.said and running.is_alive():
            pass
        running.kill()
        running.wait()
        desk("project", "--once").done()
        seen.add(held_by(desk, other))

    assert seen <= {0, ORDERS}
    desk("verify").done()
