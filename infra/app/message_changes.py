"""Message changes: what would follow if stored messages were voided, or replaced by right ones. Nothing is stored.

Each touched subject is settled as it is and with the changes; its verdicts and rows are compared.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

from domain.events import MessageVoided
from domain.fact import Fact, FactKey
from domain.kinds import KIND_OF_TYPE
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.settling import Settling
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import has_subject, settle_stream, split_stream_name, stream_name
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.app.row_effects import RowEffects, TableEffect
from infra.app.view_effects import ViewEffect, ViewEffects
from infra.queries.messages import NoLongerApplied
from infra.queries.selected_messages import SelectedMessage
from projections.projection import Settled

STREAMS_AT_ONCE = 500
SAMPLES = 20


class MessageChange(NamedTuple):
    """A stored message, the void that takes it away, and the right one in its place.

    `void` is None if the message is void already, `right` if nothing takes its place.
    """

    wrong: SelectedMessage
    void: MessageVoided | None
    right: Fact | None = None
    right_subject: str = ""

    @property
    def messages(self) -> list[tuple[Fact, str]]:
        """What has to be published, with the subjects."""
        void = [] if self.void is None else [(self.void, self.wrong.key.subject)]
        return [*void, *([] if self.right is None else [(self.right, self.right_subject)])]


class MessageCount(NamedTuple):
    """How many messages of a type have a verdict."""

    type: str
    verdict: str
    messages: int


class VerdictShift(NamedTuple):
    """How many other messages of a type would go from one verdict to another."""

    type: str
    before: str
    after: str
    messages: int


@dataclass
class ChangeEffect:
    """What would follow.

    `wrong` are the messages that would be void, by type and present verdict, `already_void` how many more are void
    already; `right` those in their place, by the verdict that they would get. `shifts` are other messages, and
    `no_longer_applied` the first of them that are applied now and would not be. `reactors_follow` says that reactors
    state other messages because of these subjects, which is not counted. `tables` are all rows that projections store,
    `views` the rows of orders that people see now.
    """

    wrong: list[MessageCount] = field(default_factory=list)
    already_void: int = 0
    right: list[MessageCount] = field(default_factory=list)
    subjects: int = 0
    shifts: list[VerdictShift] = field(default_factory=list)
    no_longer_applied: list[NoLongerApplied] = field(default_factory=list)
    tables: list[TableEffect] = field(default_factory=list)
    views: list[ViewEffect] = field(default_factory=list)
    reactors_follow: bool = False

    @property
    def messages(self) -> int:
        """How many messages would be void."""
        return sum(count.messages for count in self.wrong)


def effect_of(
    waybill: Waybill,
    streams: Iterable[tuple[str, Sequence[MessageChange]]],
    *,
    samples: int = SAMPLES,
    on_stream: Callable[[], None] = lambda: None,
) -> ChangeEffect:
    """What would follow from the changes of each stream. Memory holds some streams at a time, counts and samples."""
    zone, now = waybill.settings.time_zone, waybill.clock()
    with ViewEffects(zone, now, samples) as views:
        return _effect_of(waybill, streams, _Counted(RowEffects(samples=samples), views), on_stream)


def _effect_of(
    waybill: Waybill,
    streams: Iterable[tuple[str, Sequence[MessageChange]]],
    counted: "_Counted",
    on_stream: Callable[[], None],
) -> ChangeEffect:
    effect, head, todo = ChangeEffect(), waybill.history.head(), iter(streams)
    while batch := dict(islice(todo, STREAMS_AT_ONCE)):
        added = _added(batch)
        filed = waybill.history.facts_up_to(list(added), head)
        for stream, more in added.items():
            counted.take(stream, filed[stream], more)
            effect.reactors_follow |= split_stream_name(stream)[0] in (PARCEL, STANDING_ORDER)
            on_stream()
        counted.end_batch()
        for stream, changes in batch.items():
            for change in changes:
                effect.already_void += change.void is None
                if change.void is not None:
                    counted.wrong[change.wrong.type, change.wrong.verdict] += 1
                if change.right is not None:
                    verdict = counted.verdicts[change.right.key, stream_of(change, stream)]
                    counted.right[change.right.TYPE, verdict.value] += 1
        counted.verdicts.clear()
        effect.subjects += len(added)
    effect.wrong = [MessageCount(*key, count) for key, count in sorted(counted.wrong.items())]
    effect.right = [MessageCount(*key, count) for key, count in sorted(counted.right.items())]
    effect.shifts = [VerdictShift(*key, count) for key, count in sorted(counted.shifts.items())]
    effect.no_longer_applied = counted.lost
    effect.tables = counted.rows.tables()
    effect.views = counted.views.views()
    return effect


def stream_of(change: MessageChange, stream: str) -> str:
    """The stream of the right message: that of the wrong one, unless its type or subject was wrong."""
    assert change.right is not None
    kind = KIND_OF_TYPE[change.right.TYPE]
    return stream if kind is None else stream_name(kind, change.right_subject)


def _added(batch: Mapping[str, Sequence[MessageChange]]) -> dict[str, list[Fact]]:
    """The facts that the changes add to each stream."""
    added: dict[str, list[Fact]] = {}
    for stream, changes in batch.items():
        for change in changes:
            added.setdefault(stream, []).extend([] if change.void is None else [change.void])
            if change.right is not None:
                added.setdefault(stream_of(change, stream), []).append(change.right)
    return added


@dataclass
class _Counted:
    rows: RowEffects
    views: ViewEffects
    orders: list[tuple[Settled, Settled]] = field(default_factory=list)
    wrong: Counter[tuple[str, str]] = field(default_factory=Counter)
    right: Counter[tuple[str, str]] = field(default_factory=Counter)
    shifts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    lost: list[NoLongerApplied] = field(default_factory=list)
    verdicts: dict[tuple[FactKey, str], Verdict] = field(default_factory=dict)

    def take(self, stream: str, facts: list[Fact], more: list[Fact]) -> None:
        before, after = settle_stream(stream, facts), settle_stream(stream, [*facts, *more])
        if has_subject(stream):
            settled = _settled(stream, before), _settled(stream, after)
            self.rows.take(*settled)
            if settled[0].kind is ORDER:
                self.orders.append(settled)
        for fact in more:
            self.verdicts[fact.key, stream] = after.outcomes[fact.key].verdict
        voided = {fact.names for fact in more if isinstance(fact, MessageVoided)}
        for fact in facts:
            was, will_be = before.outcomes[fact.key], after.outcomes[fact.key]
            if was.verdict is will_be.verdict or fact.key in voided:
                continue
            self.shifts[fact.TYPE, was.verdict.value, will_be.verdict.value] += 1
            if was.verdict is Verdict.APPLIED and len(self.lost) < SAMPLES:
                subject = split_stream_name(stream)[1]
                self.lost.append(NoLongerApplied(*fact.key, subject, fact.TYPE, will_be.verdict.value, will_be.reason))

    def end_batch(self) -> None:
        if self.orders:
            self.views.take(self.orders)
        self.orders = []


def _settled(stream: str, settling: Settling[Any]) -> Settled:
    kind, subject_id = split_stream_name(stream)
    assert kind is not None, "a stream with a subject has its kind"
    return Settled(kind, subject_id, settling)
