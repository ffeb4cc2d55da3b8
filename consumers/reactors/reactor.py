"""A reactor: a pure function from facts to derived messages, and what the store must know to call it at the right time.

A reactor reacts by *key*, the id of a subject of its own kind: parcels by order, standing orders by standing order. A
reaction is computed from all facts of the key's own stream and of the streams that the key refers to. It is computed
again when one of these streams gets a fact, and at the instant for which the last reaction asked. The machine around it
(`consumers.reactors.reacting`, infra/runtime/reactions.py) stores what is new and withdraws what a reaction no longer
gives.
"""

from collections.abc import Iterable, Mapping, Sequence, Set
from datetime import datetime
from typing import NamedTuple, Protocol

from domain.fact import Fact
from domain.kind import Kind

FEEDS = "reactor/"
"""How the topics of the reactors' feeds begin; no topic of Kafka has a slash."""
CHECKPOINTS = "reactor."
"""How the names of their checkpoints begin."""


class DerivedMessage(NamedTuple):
    """A message of a reactor about a subject.

    The fact has the reactor's source, a message id that follows from its reasons, and `causation_id`. It is recorded at
    the latest recording of its reasons; what follows from an instant (an order of a standing order), not before that
    instant; a date found missed, when the clock found it. The clock never holds it. Views can find by `cause` what
    followed from something, and by `since` (UTC) from when.
    """

    subject: str
    fact: Fact
    cause: str | None = None
    since: datetime | None = None


class Reaction(NamedTuple):
    """What follows for one key.

    `messages` stand as long as the reaction gives them. `lasting` are stored once and never withdrawn, so later
    reactions find them among the facts. `wake_at` is when to react again even without a new fact (UTC; None: never).
    """

    messages: Sequence[DerivedMessage] = ()
    lasting: Sequence[DerivedMessage] = ()
    wake_at: datetime | None = None


class Reactor(Protocol):
    """One reactor. It holds no state, and reads neither clock nor store."""

    @property
    def name(self) -> str:
        """Its name in commands, logs and checkpoints, such as "parcels"."""

    @property
    def source(self) -> str:
        """The source of its messages, one of those in `domain.derived`."""

    @property
    def kind(self) -> Kind:
        """The kind of the subjects whose ids are its keys."""

    @property
    def referred_kind(self) -> Kind:
        """The kind of the other subjects that a key can refer to."""

    @property
    def naming(self) -> tuple[type[Fact], ...]:
        """The facts of a key's own stream that can refer to others."""

    @property
    def needs_referred(self) -> bool:
        """Whether nothing follows for a key while none of the subjects it refers to has a stream."""

    @property
    def heeds(self) -> Set[str] | None:
        """The stored topics of the referred subjects' events that can change a reaction (None: all do)."""

    @property
    def remembers(self) -> bool:
        """Whether the store remembers its messages after they were withdrawn, so that `react` is told of them."""

    def references(self, fact: Fact) -> Iterable[str]:
        """The subjects of the referred kind that such a fact refers to, whatever its verdict; too many do no harm."""

    def react(
        self,
        key: str,
        facts: Sequence[Fact],
        referred: Mapping[str, Sequence[Fact]],
        now: datetime,
        stated: Mapping[str, datetime | None],
    ) -> Reaction:
        """What follows from all facts of the key, and of those it refers to by their ids, when the clock says `now`.

        `stated` has the ids of its messages for this key that stand (and of those that stood, if it `remembers`), with
        their `since`.
        `facts` include the reactor's own earlier messages to this subject. It gives the same for the same facts in any
        order, and must not fail for any well-formed facts.
        """


def references_among(reactor: Reactor, facts: Iterable[Fact]) -> list[str]:
    """The subjects that these facts refer to, in order, each once."""
    return list(
        dict.fromkeys(name for fact in facts if isinstance(fact, reactor.naming) for name in reactor.references(fact))
    )


def checkpoint_of(reactor: Reactor) -> str:
    """The name of its checkpoint."""
    return CHECKPOINTS + reactor.name


def feed_of(reactor: Reactor) -> str:
    """The topic of its feed."""
    return FEEDS + reactor.name
