"""Operators' acts: what a person did to the service, who did it, and why.

Each act is an event in the stream of its operator, such as "operator-ann". It commits in the same transaction as what
it says was done. What takes longer than one transaction has an act that says what was begun: `ParkedKeysRetried`,
`MessagesVoidedInBulk` and `MessagesCorrected`. Acts are for people who ask later: settling, projections, the relay and
the reactors pass over them. See docs/decisions/022-operators-acts-are-events.md.
"""

from datetime import datetime
from typing import Any, ClassVar, Self

from domain.fact import StreamEvent, register_event

OPERATOR_SOURCE = "waybill/operator"
"""The source of what operators state: their acts, and the messages that they publish."""


def feed_of_act(act_id: str) -> str:
    """The name of the feed with the messages that an act publishes."""
    return f"{OPERATOR_SOURCE}/{act_id}"


@register_event
class OperatorAct(StreamEvent, frozen=True, kw_only=True, omit_defaults=True):
    """The base of all acts; also stands for an act of a later version of the code, whose own fields are left out.

    `recorded_at` is when the operator acted. `reason` is empty where nobody has to give one.
    """

    TOPIC: ClassVar[str] = "operator.acted"
    TOPICS: ClassVar[str] = "operator."
    """How the topics of all acts begin."""

    operator: str
    reason: str = ""

    @classmethod
    def by(cls, operator: str, now: datetime, reason: str = "", *, act_id: str, **what: Any) -> Self:
        """An act at `now` (UTC); no other act has its id."""
        return cls(
            operator=operator,
            reason=reason,
            recorded_at=now,
            source=OPERATOR_SOURCE,
            message_id=act_id,
            **what,
        )

    @property
    def detail(self) -> dict[str, Any]:
        """The fields that only this kind of act has."""
        common = set(OperatorAct.__struct_fields__)
        return {name: getattr(self, name) for name in self.__struct_fields__ if name not in common}


@register_event
class DeadLetterDiscarded(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter was discarded: it stays in the books and leaves the lists."""

    TOPIC: ClassVar[str] = "operator.dead_letter_discarded"

    letter_id: str


@register_event
class DeadLetterRestored(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A dead letter that was discarded, or superseded by an edit, is listed again."""

    TOPIC: ClassVar[str] = "operator.dead_letter_restored"

    letter_id: str


@register_event
class DeadLettersRedriven(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A batch of dead letters was redriven: `letters` of them, by which the verdicts of `changed` messages changed.

    The verdicts of messages that were well-formed before are `VerdictChanged` events of their own streams.
    """

    TOPIC: ClassVar[str] = "operator.dead_letters_redriven"

    letters: int
    changed: int


@register_event
class DeadLetterEdited(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A corrected copy of a dead letter was taken, and the letter was set aside.

    `copy_source`, `copy_id` and `copy_subject` name the copy; `changes` says what differs, such as
    "data.lines[0].quantity: -3 → 3".
    """

    TOPIC: ClassVar[str] = "operator.dead_letter_edited"

    letter_id: str
    copy_source: str
    copy_id: str
    copy_subject: str
    changes: tuple[str, ...]


@register_event
class ProjectionRebuilt(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A projection's rows were rebuilt from the events, and have served since. `position` is what they reflect."""

    TOPIC: ClassVar[str] = "operator.projection_rebuilt"

    projection: str
    version: int
    position: int


@register_event
class ProjectionSetBack(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """The rows that a projection had before its rebuild serve again, or those of the version before."""

    TOPIC: ClassVar[str] = "operator.projection_set_back"

    projection: str
    version: int
    position: int


@register_event
class ProjectionVersionDropped(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """Rows of a projection that served before were dropped."""

    TOPIC: ClassVar[str] = "operator.projection_version_dropped"

    projection: str
    version: int


@register_event
class KeyRebuilt(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """The rows of one subject were rebuilt from its events."""

    TOPIC: ClassVar[str] = "operator.key_rebuilt"

    projection: str
    subject_id: str
    position: int


@register_event
class PartPaused(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A part of the service was paused: a projection, or `consume`, `react` or `relay`."""

    TOPIC: ClassVar[str] = "operator.part_paused"

    part: str


@register_event
class PartResumed(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A paused part goes on."""

    TOPIC: ClassVar[str] = "operator.part_resumed"

    part: str


@register_event
class ParkedKeysRetried(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """An operator had parked keys of a projection or a reactor tried again.

    It commits before the tries. Keys that failed again are still parked.
    """

    TOPIC: ClassVar[str] = "operator.parked_keys_retried"

    part: str
    keys: tuple[str, ...]


@register_event
class PositionReset(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A checkpoint was set from one position to another: `count` records are sent again, or left out."""

    TOPIC: ClassVar[str] = "operator.position_reset"

    part: str
    before: int
    after: int
    count: int


@register_event
class MessageVoidedByHand(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """One message was voided. `void_id` is the id of the void, of source `waybill/operator`."""

    TOPIC: ClassVar[str] = "operator.message_voided"

    voided_source: str
    voided_id: str
    subject: str
    void_id: str


@register_event
class MessagesVoidedInBulk(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """An operator began to void all messages that a selection, told as options of the command, chose.

    It commits with the first batch of voids, and `planned` is how many messages the selection had then. Each later
    batch commits alone. All the voids have the act's own id as their correlation id: they say what was done.
    """

    TOPIC: ClassVar[str] = "operator.messages_voided"

    selection: str
    planned: int


@register_event
class MessagesCorrected(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """An operator began to void messages and to publish the right ones; it reads as MessagesVoidedInBulk does."""

    TOPIC: ClassVar[str] = "operator.messages_corrected"

    selection: str
    planned: int


@register_event
class OrdersPruned(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """Some closed orders were pruned: their events left the store, and the archive has them.

    A prune of many orders is several such acts. Each order's stream says the same by a StreamPruned.
    """

    TOPIC: ClassVar[str] = "operator.orders_pruned"

    archive: str
    archive_id: str
    archived_before: datetime
    orders: int
    events: int


@register_event
class PruneUndone(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """The events of a pruned order were brought back from the archive."""

    TOPIC: ClassVar[str] = "operator.prune_undone"

    order_id: str
    archive: str
    archive_id: str
    events: int


@register_event
class ApiKeyCreated(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A key of the HTTP API was created. `key_source` is the only source of which it may publish; None: of any."""

    TOPIC: ClassVar[str] = "operator.api_key_created"

    key_id: str
    name: str
    roles: tuple[str, ...]
    key_source: str | None = None
    expires_at: datetime | None = None


@register_event
class ApiKeyRevoked(OperatorAct, frozen=True, kw_only=True, omit_defaults=True):
    """A key of the HTTP API was revoked."""

    TOPIC: ClassVar[str] = "operator.api_key_revoked"

    key_id: str
    name: str
