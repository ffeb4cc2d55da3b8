"""given a rep who leaves, when an operator hands over, then all of it is with the other rep, in one act, or nothing."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from structlog.testing import capture_logs

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.hand_over import HandOverPlan, do_hand_over, plan_account, plan_rep, rows_of
from infra.app.reassignments import CannotReassignError
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import view_named
from tests.integration.messages import Document, cancelled, line, message, placed, registered
from tests.stores.conftest import StoreUrl
from tests.stores.documents import take_in

EARLY = "2025-03-03T09:00:00Z"
LATER = "2025-03-04T09:00:00Z"
PROMISE = "2025-03-10T16:00:00Z"
NOW = datetime(2025, 3, 7, 12, tzinfo=UTC)


def account(account_id: str, rep: str | None) -> Document:
    data = {"name": f"Customer {account_id}", "segment": "b2b", **({"rep_id": rep} if rep else {})}
    return message("account.registered", account_id, EARLY, data)


DESK = (
    registered("rep-1", EARLY, "Amara Abara"),
    registered("rep-2", EARLY, "Bela Brandt"),
    registered("rep-3", EARLY, "Chidi Castillo"),
    message("rep.left", "rep-3", LATER, {}),
    account("ACME", "rep-1"),
    account("BOLT", "rep-1"),
    account("COIL", "rep-2"),
    placed("SO-1", EARLY, PROMISE, account_id="ACME", rep_id="rep-1"),
    placed("SO-2", EARLY, PROMISE, account_id="ACME", rep_id="rep-2"),
    placed("SO-3", EARLY, PROMISE, account_id="COIL", rep_id="rep-1"),
    placed("SO-4", EARLY, PROMISE, account_id="ACME", rep_id="rep-1"),
    cancelled("SO-4", LATER),
    placed("SO-5", EARLY, PROMISE, account_id="BOLT", rep_id=None),
)


@pytest.fixture
def waybill(sqlite_store: StoreUrl) -> Iterator[Waybill]:
    with filled(sqlite_store()) as waybill:
        yield waybill


@contextmanager
def filled(store: str) -> Iterator[Waybill]:
    with Waybill(Settings(store=store, batch_messages=2), clock=lambda: NOW) as waybill:
        take_in(waybill, *DESK)
        yield waybill


def leaving(waybill: Waybill, **more: bool) -> HandOverPlan:
    return plan_rep(waybill, "rep-1", "rep-2", "leaves on Friday", "ann", **more)


def holders(waybill: Waybill) -> dict[str, str | None]:
    rows = waybill.views.ask(view_named("orders"), Asked()).rows
    return {row["order_id"]: row["rep_id"] for row in rows}


def test_a_rep_hands_over_every_account_and_every_open_order_and_nothing_else(new_store: StoreUrl) -> None:
    with filled(new_store()) as waybill:
        _hands_over_everything(waybill)


def _hands_over_everything(waybill: Waybill) -> None:
    assert leaving(waybill).follow_ups_left == 0
    rows, _ = do_hand_over(waybill, leaving(waybill))

    assert [(row.kind, row.subject, row.from_rep_id, row.verdict) for row in rows] == [
        ("account", "ACME", "rep-1", "applied"),
        ("account", "BOLT", "rep-1", "applied"),
        ("order", "SO-1", "rep-1", "applied"),
        ("order", "SO-3", "rep-1", "applied"),
    ]
    expected = {"SO-1": "rep-2", "SO-2": "rep-2", "SO-3": "rep-2", "SO-4": "rep-1", "SO-5": None}
    assert holders(waybill) == expected
    assert waybill.desk.accounts_of_rep("rep-1") == []
    assert verify_store(waybill, lambda: None).findings == []


def test_an_account_goes_with_its_open_orders_whoever_holds_them(waybill: Waybill) -> None:
    rows, _ = do_hand_over(waybill, plan_account(waybill, "BOLT", "rep-2", None, "ann"))

    assert [(row.kind, row.subject, row.from_rep_id) for row in rows] == [
        ("account", "BOLT", "rep-1"),
        ("order", "SO-5", None),
    ]
    assert holders(waybill)["SO-5"] == "rep-2"
    held = waybill.desk.account("BOLT")
    assert held is not None and held.rep_id == "rep-2"


def test_a_plan_changes_nothing(waybill: Waybill) -> None:
    before, head = holders(waybill), waybill.history.head()

    assert [row.verdict for row in rows_of(leaving(waybill))] == [None] * 4

    assert (holders(waybill), waybill.history.head()) == (before, head)


def test_all_messages_are_one_batch_however_many_fit_into_one(waybill: Waybill) -> None:
    with capture_logs() as logs:
        do_hand_over(waybill, leaving(waybill))

    assert [log["received"] for log in logs if log["event"] == "batch_stored"] == [4]


def test_the_same_act_said_by_two_at_once_counts_once(waybill: Waybill) -> None:
    one, other = leaving(waybill), leaving(waybill)
    do_hand_over(waybill, one)

    rows, _ = do_hand_over(waybill, other)

    assert all(waybill.messages.find("waybill/operator/ann", each.fact.message_id)[0].repeats for each in one[0])
    assert {row.verdict for row in rows} == {"applied"}
    assert leaving(waybill).reassignments == []


def test_an_order_that_goes_to_and_fro_is_handed_over_each_time(waybill: Waybill) -> None:
    for receiver in ("rep-2", "rep-1", "rep-2"):
        do_hand_over(waybill, plan_account(waybill, "ACME", receiver, None, "ann"))
        assert holders(waybill)["SO-1"] == receiver


def test_a_hand_over_that_was_voided_can_be_said_again(waybill: Waybill) -> None:
    plan = leaving(waybill)
    do_hand_over(waybill, plan)
    for each in plan.reassignments:
        void = {"source": each.fact.source, "id": each.fact.message_id, "reason": "she stays"}
        take_in(waybill, message("message.voided", each.held.subject, LATER, void))
    assert holders(waybill)["SO-1"] == "rep-1"

    do_hand_over(waybill, leaving(waybill))

    assert holders(waybill)["SO-1"] == "rep-2"


def test_an_upstream_with_a_fast_clock_does_not_undo_the_hand_over(waybill: Waybill) -> None:
    ahead = (NOW + timedelta(minutes=2)).isoformat()
    take_in(waybill, message("order.reassigned", "SO-1", ahead, {"rep_id": "rep-1"}))

    do_hand_over(waybill, leaving(waybill))

    assert holders(waybill)["SO-1"] == "rep-2"


def test_an_order_whose_row_is_behind_is_not_taken_from_its_new_rep_nor_handed_over_closed(waybill: Waybill) -> None:
    """Who holds what is settled from the stream, not read from a row that nobody has projected."""
    news = [message("order.reassigned", "SO-1", LATER, {"rep_id": "rep-4"}), cancelled("SO-3", LATER)]
    lines = [json.dumps(document).encode() for document in news]
    waybill.ingest().read(JsonLines.of_one_batch("late", lines))

    assert [each.held.subject for each in leaving(waybill).reassignments] == ["ACME", "BOLT"]


@pytest.mark.parametrize(
    ("receiver", "saying"),
    [
        ("rep-3", r"rep rep-3 \(Chidi Castillo\) has left; --force"),
        ("rep-22", r"rep rep-22 is not registered; the nearest: rep-2 \(Bela Brandt\)"),
        ("Bela Brand", r"not registered; the nearest: rep-2 \(Bela Brandt\)"),
    ],
)
def test_work_goes_to_registered_reps_alone_unless_it_is_forced(waybill: Waybill, receiver: str, saying: str) -> None:
    with pytest.raises(CannotReassignError, match=saying):
        plan_rep(waybill, "rep-1", receiver, None, "ann")

    plan = plan_rep(waybill, "rep-1", receiver, None, "ann", force=True)
    assert len(plan.reassignments) == 4
    assert plan.warning is not None


def test_unknown_reps_and_accounts_are_named_with_the_nearest(waybill: Waybill) -> None:
    with pytest.raises(CannotReassignError, match=r"no rep rep-11 is known; the nearest: rep-1 \(Amara Abara\)"):
        plan_rep(waybill, "rep-11", "rep-2", None, "ann")
    with pytest.raises(CannotReassignError, match="no account ACMEE is known; the nearest: ACME"):
        plan_account(waybill, "ACMEE", "rep-2", None, "ann")


@pytest.mark.parametrize("operator", ["a" * 300, "a\x07b"])
def test_a_name_that_does_not_fit_the_contract_is_refused_before_anything_is_stored(
    waybill: Waybill, operator: str
) -> None:
    with pytest.raises(CannotReassignError, match="source"):
        plan_rep(waybill, "rep-1", "rep-2", None, operator)


def test_standing_orders_that_still_name_another_rep_are_listed(waybill: Waybill) -> None:
    terms = {
        "account_id": "ACME",
        "rep_id": "rep-1",
        "segment": "b2b",
        "currency": "USD",
        "lines": [line()],
        "every": {"days": 7},
        "first_on": "2025-04-01",
        "lead_days": 2,
    }
    take_in(
        waybill,
        message("standing_order.established", "ST-1", EARLY, terms),
        message("standing_order.established", "ST-2", EARLY, terms),
        message("standing_order.stopped", "ST-2", LATER, {"reason": "the branch closes"}),
        message("standing_order.established", "ST-3", EARLY, {**terms, "rep_id": "rep-2"}),
    )

    assert leaving(waybill).standing_orders == ["ST-1"]
    assert plan_account(waybill, "ACME", "rep-2", None, "ann").standing_orders == ["ST-1"]


def test_follow_ups_on_closed_orders_stay_and_are_counted(waybill: Waybill) -> None:
    request = {"request_id": "E1", "needed_by": "2025-03-05T12:00:00Z", "reason": "fair"}
    take_in(
        waybill,
        message("expedite.requested", "SO-4", "2025-03-03T10:00:00Z", request),
        message("expedite.declined", "SO-4", "2025-03-03T11:00:00Z", {"request_id": "E1", "reason": "no van"}),
    )

    assert leaving(waybill).follow_ups_left == 1
