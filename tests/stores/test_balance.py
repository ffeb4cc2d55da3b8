"""given a simulated sales floor, then every database proposes the same moves, which rest on what the views say."""

from datetime import UTC, datetime

import pytest

from infra.app.balance import Proposal, propose_balance
from infra.app.container import Waybill
from infra.queries.views import Asked
from infra.settings import Settings
from projections.views.catalogue import view_named
from tests.stores.conftest import StoreUrl
from tests.stores.histories import UNTIL, floor, take_in

NOW = datetime(2025, 6, 30, 18, tzinfo=UTC)
LINES = floor(120, wrong=0.0)
assert UNTIL < NOW


def proposed(waybill: Waybill) -> Proposal:
    take_in(waybill, LINES)
    waybill.project()
    return propose_balance(waybill, "ann", keep_accounts=False)


def test_what_is_proposed_rests_on_what_the_views_say(new_store: StoreUrl) -> None:
    with Waybill(Settings(store=new_store()), clock=lambda: NOW) as waybill:
        proposal = proposed(waybill)
        workload = {row["rep_id"]: row for row in waybill.views.ask(view_named("workload"), Asked()).rows}
        overdue = {row["order_id"]: row for row in waybill.views.ask(view_named("overdue"), Asked()).rows}

    moves, totals = proposal.balanced
    assert moves
    for total in totals:
        assert total.orders_before == workload[total.rep_id]["open_orders"]
    loads = [total.load_before for total in totals if total.registered]
    after = [total.load_after for total in totals if total.registered]
    assert max(after) - min(after) < max(loads) - min(loads)
    for move in moves:
        assert ("overdue" in move.why) <= (move.order_id in overdue)
    assert [each.held.subject for each in proposal.reassignments] == [move.order_id for move in moves]


@pytest.mark.postgres
def test_every_database_proposes_the_same(sqlite_store: StoreUrl, postgres_store: StoreUrl) -> None:
    answers = []
    for store in (sqlite_store(), postgres_store()):
        with Waybill(Settings(store=store), clock=lambda: NOW) as waybill:
            proposal = proposed(waybill)
            answers.append((proposal.balanced, [each.line for each in proposal.reassignments]))
    assert answers[0] == answers[1]
