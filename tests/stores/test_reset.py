"""given a checkpoint that an operator sets, then it moves only from where it is expected, and the act is stored."""

from collections.abc import Iterator
from threading import Event

import pytest

from domain.operator.acts import PositionReset
from infra.app.container import Waybill
from infra.app.reset import CannotResetError, UnexpectedPositionError, plan_reset, reset_position
from infra.store.checkpoints import Checkpoints
from tests.stores.conftest import StoreUrl
from tests.stores.histories import STANDING_ORDERS, floor, in_small_batches, take_in

OUTBOX = "relay.events"


@pytest.fixture
def waybill(new_store: StoreUrl) -> Iterator[Waybill]:
    """A store whose relay has sent everything, without a broker."""
    with Waybill(in_small_batches(new_store())) as waybill:
        take_in(waybill, [*floor(5), *STANDING_ORDERS])
        checkpoints = Checkpoints(waybill.backend)
        checkpoints.begin(waybill.outboxes(), waybill.clock(), at_the_newest=True)
        yield waybill


def position(waybill: Waybill, name: str = OUTBOX) -> int:
    return Checkpoints(waybill.backend).position(name)


def test_a_plan_says_what_would_be_sent_again_or_left_out_and_changes_nothing(waybill: Waybill) -> None:
    head = position(waybill)

    assert plan_reset(waybill, OUTBOX, head - 3) == (OUTBOX, head, head - 3, 3, "sent again")
    assert position(waybill) == head
    # and after it went back, forward leaves out
    reset_position(waybill, OUTBOX, head - 3, head, "ann", "the follower lost them")
    assert plan_reset(waybill, OUTBOX, head - 1)[2:] == (head - 1, 2, "left out for good")


def test_a_reset_moves_the_checkpoint_and_is_an_act_of_its_operator(waybill: Waybill) -> None:
    head = position(waybill)

    reset_position(waybill, OUTBOX, head - 3, head, "ann", "the follower lost them")

    assert position(waybill) == head - 3
    (act,) = [positioned.event for positioned in waybill.history.stream("operator-ann")]
    assert isinstance(act, PositionReset)
    assert (act.part, act.before, act.after, act.count, act.reason) == (
        OUTBOX,
        head,
        head - 3,
        3,
        "the follower lost them",
    )
    # what is sent next begins there
    outbox = next(one for one in waybill.outboxes() if one.name == OUTBOX)
    assert outbox.after(head - 3).end > head - 3


def test_a_checkpoint_that_stands_elsewhere_is_left_alone(waybill: Waybill) -> None:
    head = position(waybill)

    with pytest.raises(UnexpectedPositionError, match=f"{OUTBOX} is at position {head}, not at {head - 1}"):
        reset_position(waybill, OUTBOX, head - 3, head - 1, "ann", "x")
    assert position(waybill) == head and waybill.history.stream("operator-ann") == []


def test_a_reactor_goes_back_and_states_nothing_twice(waybill: Waybill) -> None:
    waybill.react(Event(), once=True)
    name, books = "reactor.standing-orders", waybill.history.head()
    head = position(waybill, name)

    assert reset_position(waybill, name, 0, head, "ann", "a doubt").effect == "read again"
    with pytest.raises(CannotResetError, match="only goes back"):
        plan_reset(waybill, name, 1)
    assert not any(done.stated or done.withdrawn for done in waybill.react(Event(), once=True))
    assert waybill.history.head() == books + 1  # the act alone


def test_what_cannot_be_set_says_what_to_type_instead(waybill: Waybill) -> None:
    for name, instead in (
        ("order-states", "waybill rebuild order-states"),
        ("consume", "waybill topics skip"),
        ("nothing", "give one of relay.events"),
        ("reactor.parcels", "has never run"),
    ):
        with pytest.raises(CannotResetError, match=instead):
            plan_reset(waybill, name, 0)
    with pytest.raises(CannotResetError, match="--to must be between 0 and"):
        plan_reset(waybill, OUTBOX, position(waybill) + 1_000)
    with pytest.raises(CannotResetError, match="already"):
        plan_reset(waybill, OUTBOX, position(waybill))
