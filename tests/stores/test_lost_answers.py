"""given an operator's act whose commit succeeds but whose answer is lost, then it happens once and is told truly."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from structlog.testing import capture_logs

from consumers.contract.fields import read_assignment
from domain.checkpoint import CheckpointMovedError
from domain.operator.acts import OperatorAct, feed_of_act
from infra.app.container import Waybill
from infra.app.dead_letters.discard import discard, restore
from infra.app.dead_letters.edit import do_edit, plan_edit
from infra.app.dead_letters.redrive import redrive
from infra.app.pause import pause, resume
from infra.app.rebuild.drop_old import drop_old
from infra.app.rebuild.rebuild import Rebuild
from infra.app.rebuild.rebuild_key import rebuild_key
from infra.app.rebuild.set_back import set_back
from infra.app.reset import reset_position
from infra.app.void import void_message
from infra.queries.dead_letters import UntakenMessage
from infra.store.checkpoints import Checkpoints
from infra.store.operator_log import Who
from infra.store.projected.serving import live_versions
from projections.shipments import SHIPMENTS
from tests.integration.messages import booked, placed
from tests.stores.conftest import new_databases
from tests.stores.documents import take_in
from tests.stores.histories import floor, in_small_batches
from tests.stores.histories import take_in as take_in_lines
from tests.stores.test_dead_letters import EARLY, PROMISE, broken

pytestmark = pytest.mark.postgres
ANN = Who("ann", "a test")


@pytest.fixture(scope="module")
def waybill(postgres_server: str) -> Iterator[Waybill]:
    with new_databases(postgres_server) as make, Waybill(in_small_batches(make())) as waybill:
        take_in_lines(waybill, floor(3))
        waybill.project()
        yield waybill


def acts(waybill: Waybill) -> list[str]:
    found = [positioned.event for positioned in waybill.history.stream("operator-ann")]
    assert all(isinstance(event, OperatorAct) for event in found)
    return [type(event).__name__ for event in found]


def malformed(waybill: Waybill) -> list[UntakenMessage]:
    return [letter for letter in waybill.dead_letters.dead(waybill.clock()) if letter.verdict == "malformed"]


@contextmanager
def lost_answer(waybill: Waybill, monkeypatch: pytest.MonkeyPatch, *, of_the_first: bool = False) -> Iterator[None]:
    """The answer of the first commit that stores an act is lost; or that of the first one."""
    lost: list[Any] = []
    dialect, before = waybill.engine.dialect, len(acts(waybill))
    commit: Callable[[Any], None] = dialect.do_commit

    def commit_and_lose_the_act(connection: Any) -> None:
        commit(connection)
        if not lost and (of_the_first or len(acts(waybill)) > before):
            lost.append(connection)
            raise psycopg.OperationalError("server closed the connection unexpectedly")

    with monkeypatch.context() as patched, capture_logs() as logs:
        patched.setattr(dialect, "do_commit", commit_and_lose_the_act)
        yield
    assert [entry["event"] for entry in logs if "attempt" in entry] == ["store_unavailable"]


def serving(waybill: Waybill) -> int:
    with waybill.engine.connect() as connection:
        return live_versions(connection, (SHIPMENTS,))[SHIPMENTS.name].build


def test_a_rebuild_its_way_back_and_its_drop(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    with lost_answer(waybill, monkeypatch):
        (rebuilt,) = Rebuild(waybill, ANN).run([SHIPMENTS])
    assert rebuilt.build == serving(waybill) == 1

    with lost_answer(waybill, monkeypatch):
        (back,) = set_back(waybill, [SHIPMENTS], ANN)
    assert back.build == serving(waybill) == 0

    with lost_answer(waybill, monkeypatch):
        (dropped,) = drop_old(waybill, [SHIPMENTS], ANN)
    assert dropped.build == 1

    with lost_answer(waybill, monkeypatch):
        assert rebuild_key(waybill, [SHIPMENTS], "SO-100001", ANN)
    assert acts(waybill)[-4:] == ["ProjectionRebuilt", "ProjectionSetBack", "ProjectionVersionDropped", "KeyRebuilt"]


def test_the_way_back_that_another_operator_took_meanwhile_is_not_taken_twice(
    waybill: Waybill, monkeypatch: pytest.MonkeyPatch
) -> None:
    Rebuild(waybill, ANN).run([SHIPMENTS])
    before, act = serving(waybill), waybill.operator_log.act

    def while_another_one_goes_back(*given: Any) -> Any:
        monkeypatch.undo()
        set_back(waybill, [SHIPMENTS], ANN)
        return act(*given)

    monkeypatch.setattr(waybill.operator_log, "act", while_another_one_goes_back)
    with pytest.raises(CheckpointMovedError, match="another process has changed which rows of shipments serve"):
        set_back(waybill, [SHIPMENTS], ANN)
    assert serving(waybill) != before


def test_a_pause_and_its_end(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    with lost_answer(waybill, monkeypatch):
        made, is_new = pause(waybill, "relay", "ann", "the broker moves")
    assert is_new
    with lost_answer(waybill, monkeypatch):
        assert resume(waybill, "relay", "ann", "") == made
    assert acts(waybill)[-2:] == ["PartPaused", "PartResumed"]


def test_a_reset(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    checkpoints = Checkpoints(waybill.backend)
    checkpoints.begin(waybill.outboxes(), waybill.clock(), at_the_newest=True)
    head = checkpoints.position("relay.events")

    with lost_answer(waybill, monkeypatch):
        done = reset_position(waybill, "relay.events", head - 1, head, "ann", "a test")

    assert done.to == checkpoints.position("relay.events") == head - 1
    assert acts(waybill).count("PositionReset") == 1


def test_letters_that_are_discarded_and_restored(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(waybill, broken(1), broken(2))
    ids = [letter.letter_id for letter in malformed(waybill)]
    assert len(ids) == 2

    with lost_answer(waybill, monkeypatch):
        assert discard(waybill, ids, "ann", "a test") == (ids, 0)
    with lost_answer(waybill, monkeypatch):
        assert restore(waybill, ids, "ann") == (ids, 0)
    assert acts(waybill)[-4:] == ["DeadLetterDiscarded"] * 2 + ["DeadLetterRestored"] * 2


def test_letters_that_are_redriven_or_edited(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(waybill, broken(3))
    letters = malformed(waybill)[-1:]

    with lost_answer(waybill, monkeypatch):
        assert redrive(waybill, letters, "ann").letters == 1
    (letter,) = letters
    edit = plan_edit(waybill, letter, [read_assignment(f"time={EARLY}")], None, "ann")
    with lost_answer(waybill, monkeypatch):
        assert do_edit(waybill, edit, "ann", "a test").verdict == "applied"
    assert acts(waybill)[-2:] == ["DeadLettersRedriven", "DeadLetterEdited"]


def test_a_void(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(waybill, placed("SO-7", EARLY, PROMISE), booking := booked("SO-7", "2025-03-04T09:00:00Z", PROMISE))

    with lost_answer(waybill, monkeypatch):
        report = void_message(waybill, str(booking["source"]), str(booking["id"]), "a test", operator="ann")

    assert [void.verdict for void in report.void] == ["applied"]
    assert acts(waybill)[-1:] == ["MessageVoidedByHand"]


def test_a_void_whose_feed_was_opened_twice_is_finished(waybill: Waybill, monkeypatch: pytest.MonkeyPatch) -> None:
    take_in(waybill, order := placed("SO-8", EARLY, PROMISE))

    with lost_answer(waybill, monkeypatch, of_the_first=True):
        void_message(waybill, str(order["source"]), str(order["id"]), "a test", operator="ann")

    (*_, act) = waybill.history.stream("operator-ann")
    assert waybill.register.feed_to_resume(feed_of_act(act.event.message_id), 0) is None
