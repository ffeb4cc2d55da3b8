"""given uneven work, when `waybill balance` is called, then it proposes and explains moves, and acts on nothing."""

import json

import pytest

from tests.integration.command import Command
from tests.integration.messages import message, placed, registered

EARLY = "2025-03-03T09:00:00Z"
PROMISE = "2999-03-10T16:00:00Z"


@pytest.fixture
def desk(waybill: Command) -> Command:
    """rep-1 holds eight orders, rep-2 none, rep-3 left with one; ACME is an account of rep-1, BOLT of nobody."""
    waybill.ingest(
        registered("rep-1", EARLY, "Amara Abara", team="North"),
        registered("rep-2", EARLY, "Bela Brandt", team="North", level="entry"),
        registered("rep-3", EARLY, "Chidi Castillo", team="South"),
        registered("rep-4", EARLY, "Dana Demir", team="South"),
        message("rep.left", "rep-3", "2025-03-04T09:00:00Z", {}),
        message("account.registered", "ACME", EARLY, {"name": "Acme", "segment": "b2b", "rep_id": "rep-1"}),
        *(placed(f"SO-{number}", EARLY, PROMISE, account_id="ACME") for number in range(4)),
        *(placed(f"SO-{number}", EARLY, PROMISE, account_id="BOLT") for number in range(4, 8)),
        placed("SO-8", EARLY, PROMISE, account_id="BOLT", rep_id="rep-3"),
    )
    return waybill


def test_it_proposes_moves_with_their_reasons_and_leaves_the_store_alone(desk: Command) -> None:
    before = desk.store.read_bytes()

    answer = desk.ask("balance", "--team", "North")

    assert desk.store.read_bytes() == before
    assert [(move["order_id"], move["from_rep_id"], move["to_rep_id"]) for move in answer["moves"]] == [
        ("SO-4", "rep-1", "rep-2"),
        ("SO-5", "rep-1", "rep-2"),
        ("SO-6", "rep-1", "rep-2"),
    ]
    assert answer["moves"][0]["why"] == "rep-1 carries 8.00, rep-2 only 0.00"
    assert [(rep["rep_id"], rep["load_before"], rep["load_after"]) for rep in answer["reps"]] == [
        ("rep-1", "8.00", "5.00"),
        ("rep-2", "0.00", "5.00"),
    ]


def test_who_left_gives_everything_away_within_the_team(desk: Command) -> None:
    (move,) = desk.ask("balance", "--team", "South")["moves"]

    assert (move["order_id"], move["to_rep_id"]) == ("SO-8", "rep-4")
    assert move["why"] == "rep-3 has left, and rep-4 carries least with it"


def test_a_rep_left_out_takes_nothing_and_may_still_give(desk: Command) -> None:
    moves = desk.ask("balance", "--without", "rep-2")["moves"]
    assert {move["to_rep_id"] for move in moves} == {"rep-4"}
    moves = desk.ask("balance", "--without", "rep-1")["moves"]
    assert {move["from_rep_id"] for move in moves} == {"rep-1", "rep-3"}
    assert "rep-1" not in {move["to_rep_id"] for move in moves}


def test_orders_of_accounts_move_where_that_is_wanted(desk: Command) -> None:
    kept = desk.ask("balance")["moves"]
    moved = desk.ask("balance", "--move-accounts")["moves"]

    assert {move["account_id"] for move in kept} == {"BOLT"}
    assert {move["account_id"] for move in moved} == {"ACME", "BOLT"}


def test_the_messages_that_it_writes_are_published_by_a_person(desk: Command) -> None:
    desk("balance", "--out", "moves.jsonl", "--operator", "ann").done()
    lines = [json.loads(line) for line in (desk.folder / "moves.jsonl").read_bytes().splitlines()]
    moves = desk.ask("balance")["moves"]
    assert [(line["subject"], line["data"]["rep_id"]) for line in lines] == [
        (move["order_id"], move["to_rep_id"]) for move in moves
    ]
    assert {line["type"] for line in lines} == {"order.reassigned.v1"}

    assert desk.ask("ingest", "moves.jsonl")["applied"] == len(lines)

    holders = {row["order_id"]: row["rep_id"] for row in desk.ask("orders")}
    assert all(holders[line["subject"]] == line["data"]["rep_id"] for line in lines)
    assert desk.ask("balance")["moves"] == []


def test_settings_say_what_counts(desk: Command) -> None:
    even = desk.with_(WAYBILL_BALANCE_ENTRY_SHARE="1")
    assert len(even.ask("balance", "--team", "North", "--move-accounts")["moves"]) == 4
    nothing = desk.with_(WAYBILL_BALANCE_WEIGHT_ORDER="0")
    assert nothing.ask("balance", "--team", "North")["moves"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "saying"),
    [
        (("--limit", "1"), 0, "reflects position"),
        (("--limit", "0"), 2, "--limit"),
        (("--without", "rep-11"), 1, "no rep rep-11 is known; the nearest: rep-1 (Amara Abara)"),
        (("--team", "North", "--without", "rep-1", "--without", "rep-2"), 1, "nobody of team North can take work"),
        (("--limit", "-1"), 2, "--limit"),
        (("--team", "Nort"), 1, "no rep is in team Nort; the nearest: North"),
        (("--operator", " "), 2, "--operator"),
        (("--out", "no/folder/x"), 2, "--out"),
    ],
)
def test_its_exit_code_and_words(desk: Command, arguments: tuple[str, ...], code: int, saying: str) -> None:
    desk("balance", *arguments, "--format", "csv").exited(code, saying)


def test_a_weight_that_makes_no_sense_is_named(desk: Command) -> None:
    desk.with_(WAYBILL_BALANCE_ENTRY_SHARE="0")("balance").exited(2, "WAYBILL_BALANCE_ENTRY_SHARE")
