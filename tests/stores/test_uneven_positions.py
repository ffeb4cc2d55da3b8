"""Projections that stand at different positions come together where the one ahead stands, and not beyond."""

from contextlib import suppress

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.engine import LOCKED
from projections.follow_ups import FOLLOW_UPS
from projections.order_states import ORDER_STATES
from projections.runner import Runner
from tests.stores.conftest import StoreUrl
from tests.stores.test_tailing import CONTACT, GivenUpError

ALL_AT_ONCE = 100_000


def leave_a_gap(waybill: Waybill) -> None:
    """A transaction that is rolled back takes positions with it, where the database counts them so."""
    with suppress(GivenUpError), waybill.engine.execution_options(**{LOCKED: True}).begin() as connection:
        waybill.backend.lock(connection)
        waybill.backend.insert_events(
            connection, [(f"account-{n}", 1, "customer.contacted", CONTACT) for n in range(9)]
        )
        raise GivenUpError


def test_a_batch_ends_where_the_next_projection_stands_whatever_positions_are_missing(new_store: StoreUrl) -> None:
    lines = [*simulate(20, 1, DEFAULT_UNTIL)]
    with Waybill(Settings(store=new_store())) as waybill:
        # given a projection ahead of another, with positions missing before it
        waybill.ingest().read(JsonLines.of_bytes("first", b"\n".join(lines[:50])))
        leave_a_gap(waybill)
        waybill.ingest().read(JsonLines.of_bytes("second", b"\n".join(lines[50:60])))
        ahead = Runner(waybill.history, waybill.rows, [ORDER_STATES], ALL_AT_ONCE).step()
        assert ahead is not None
        # and events after it
        waybill.ingest().read(JsonLines.of_bytes("third", b"\n".join(lines[60:])))
        # when both are moved on
        both = Runner(waybill.history, waybill.rows, [ORDER_STATES, FOLLOW_UPS], ALL_AT_ONCE)
        step = both.step()
        # then the one behind reads what the other one read, and no more
        assert step == ahead
        assert waybill.rows.positions([ORDER_STATES, FOLLOW_UPS]) == dict.fromkeys(
            ("order_states", "follow_ups"), ahead.end
        )
        # and together they go on to the end
        rest = both.step()
        assert rest is not None
        assert (rest.start, rest.end) == (ahead.end, waybill.history.head())
