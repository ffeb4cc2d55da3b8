"""given operators who act, then their acts are events, and nothing that is computed from events changes."""

from collections.abc import Sequence
from datetime import UTC, datetime
from threading import Event

from sqlalchemy import text

from domain.operator.acts import DeadLetterDiscarded, OperatorAct
from infra.app.container import Waybill
from infra.app.verify import verify_store
from infra.settings import Settings
from infra.store.engine import LOCKED
from infra.store.operator_log import append_acts
from tests.integration.messages import placed
from tests.stores.conftest import StoreUrl
from tests.stores.documents import take_in

NOW = datetime(2025, 3, 7, 12, tzinfo=UTC)
EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"


def opened(store: str) -> Waybill:
    return Waybill(Settings(store=store), clock=lambda: NOW)


def discarded(operator: str, letter_id: str) -> OperatorAct:
    return DeadLetterDiscarded.by(operator, NOW, "a test of theirs", act_id=f"act-{letter_id}", letter_id=letter_id)


def act(waybill: Waybill, acts: Sequence[OperatorAct]) -> None:
    with waybill.engine.execution_options(**{LOCKED: True}).begin() as connection:
        append_acts(connection, waybill.backend, acts)


def test_acts_are_kept_in_the_stream_of_their_operator_in_order(new_store: StoreUrl) -> None:
    with opened(new_store()) as waybill:
        act(waybill, [discarded("ann", "a1"), discarded("bob", "b1"), discarded("ann", "a2")])
        act(waybill, [discarded("ann", "a3")])

        found = [positioned.event for positioned in waybill.history.stream("operator-ann")]
        assert [(one.originator_version, one.detail["letter_id"]) for one in found if isinstance(one, OperatorAct)] == [
            (1, "a1"),
            (2, "a2"),
            (3, "a3"),
        ]
        assert [one.event.reason for one in waybill.history.stream("operator-bob")] == ["a test of theirs"]  # type: ignore[attr-defined]


def test_projections_reactors_relay_and_verify_pass_over_acts(new_store: StoreUrl) -> None:
    with opened(new_store()) as waybill:
        take_in(waybill, placed("SO-1", EARLY, PROMISE))
        act(waybill, [OperatorAct.by("ann", NOW, "a look at the log", act_id="act-1")])
        waybill.project()
        waybill.react(Event(), once=True)

        assert waybill.lag() == 0
        effects = waybill.outboxes()[0].after(0)
        assert len(effects.records) == 1
        assert not verify_store(waybill).findings


def test_an_act_of_a_later_version_is_read_without_its_own_fields(new_store: StoreUrl) -> None:
    with opened(new_store()) as waybill:
        act(waybill, [discarded("ann", "a1")])
        with waybill.engine.begin() as connection:
            table = waybill.backend.events_table
            connection.execute(text(f"UPDATE {table} SET topic = 'operator.of_later' WHERE topic LIKE 'operator.%'"))

        (found,) = waybill.history.stream("operator-ann")
        assert type(found.event) is OperatorAct
        assert found.event.operator == "ann"
