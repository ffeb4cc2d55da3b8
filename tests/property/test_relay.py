"""What holds of the relay, whatever is ingested in whatever order: whoever follows it knows what is in effect."""

from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.sinks.sink import Record
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.outbox import effects, verdicts
from infra.outbox.outbox import Outbox
from infra.store.checkpoints import Checkpoints
from tests.follower import messages_in_effect, verdicts_after
from tests.property.messages import Message, deliveries_of, messages_of_every_sort, outcomes_of, repeated
from tests.property.stores import a_store, deliver, on_each_database, small_and_quiet, tried
from tests.stores.conftest import postgres_server

__all__ = ["on_each_database", "postgres_server", "small_and_quiet"]
pytestmark = pytest.mark.usefixtures("small_and_quiet", "on_each_database")


class Listener:
    """Reads outlets from where it stopped, and keeps what they tell."""

    def __init__(self) -> None:
        self._positions: dict[str, int] = {}
        self.told: dict[str, list[Record]] = {}

    def listen(self, waybill: Waybill) -> None:
        for outlet in waybill.outboxes():
            while self._hear_more(outlet):
                pass

    def _hear_more(self, outlet: Outbox) -> bool:
        # As though a relay had begun on a store whose messages never wait too long.
        if outlet.name == "relay.expired":
            return False
        start = self._positions.get(outlet.name, 0)
        records, end = outlet.after(start)
        self.told.setdefault(outlet.name, []).extend(records)
        self._positions[outlet.name] = end
        return end != start

    def values(self, name: str) -> list[bytes]:
        return [record.value for record in self.told.get(name, ())]


@tried(0.3)
@given(messages_of_every_sort(), st.data())
def test_a_follower_knows_what_is_in_effect_in_any_order_of_arrival(
    sent: Sequence[Message], data: st.DataObject
) -> None:
    again = data.draw(repeated(sent), label="sent once more")
    deliveries = data.draw(deliveries_of([*sent, *again], projecting=False), label="deliveries")
    at_once = data.draw(st.sampled_from((1, 3, 1_000)), label="events and notices at once")
    chance = Random(data.draw(st.integers(0, 99), label="chance"))
    with a_store() as store, pytest.MonkeyPatch.context() as patch:
        patch.setattr(effects, "EVENTS_AT_ONCE", at_once)
        patch.setattr(verdicts, "NOTICES_AT_ONCE", at_once)
        # given a relay that listens while messages come
        waybill = store.process()
        Checkpoints(waybill.backend).begin(waybill.outboxes(), waybill.clock(), at_the_newest=False)
        listener = Listener()
        # when
        deliver(store, deliveries, after_each=lambda one: listener.listen(one) if chance.random() < 0.5 else None)
        listener.listen(waybill)
        # then
        outcomes = outcomes_of(sent)
        in_effect = {key for key, outcome in outcomes.items() if outcome.verdict is Verdict.APPLIED}
        heard = listener.values("relay.events")
        assert messages_in_effect(heard) == in_effect
        # and whoever hears it in another order, and twice
        shuffled = heard * 2
        chance.shuffle(shuffled)
        assert messages_in_effect(shuffled) == in_effect
        # and whoever follows the verdicts knows each
        told = verdicts_after(listener.values("relay.verdicts"))
        assert {key: told.get(key, "applied") for key in outcomes} == {
            key: outcome.verdict for key, outcome in outcomes.items()
        }
        # and what is told anew is told in the same words, under the same ids
        another = Listener()
        another.listen(waybill)
        assert another.told == listener.told
