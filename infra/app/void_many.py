"""Voiding many messages at once: what an upstream got wrong, as a dry run, and done in batches that can be resumed."""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import NamedTuple

from domain.operator.acts import MessagesVoidedInBulk
from domain.verdict import Verdict
from infra.app.container import Waybill
from infra.app.message_changes import STREAMS_AT_ONCE, ChangeEffect, MessageChange, effect_of
from infra.app.operator_feed import begun_or_new
from infra.app.void import PLANNED, CannotVoidError, expect_reason, expect_upstream, voids_of
from infra.queries.messages import NoLongerApplied
from infra.queries.selected_messages import MessageFilter, SelectedMessages


class VoidedInBulk(NamedTuple):
    """What was done: how many messages were voided now, by the verdicts of the voids, and under which act.

    `act_id` is the correlation id of all its voids, None if there was nothing to do. `continued` says that an earlier
    run of the same act had been interrupted.
    """

    act_id: str | None
    voids: Counter[Verdict]
    continued: bool
    no_longer_applied: Sequence[NoLongerApplied]


def plan_voids(
    waybill: Waybill, wanted: MessageFilter, reason: str, *, samples: int, on_stream: Callable[[], None] = lambda: None
) -> ChangeEffect:
    """What voiding these messages would do. Raises CannotVoidError."""
    _check(waybill, wanted, reason)
    return effect_of(waybill, _changes(waybill, wanted, reason), samples=samples, on_stream=on_stream)


def do_voids(
    waybill: Waybill,
    wanted: MessageFilter,
    reason: str,
    operator: str,
    on_batch: Callable[[int, int], None] = lambda done, total: None,
) -> VoidedInBulk:
    """Void these messages, batch by batch; messages that are void already are left out.

    After a kill, the same call goes on where the last batch ended. `on_batch` gets how many are done, of how many.
    Raises CannotVoidError, and the errors of ingest.
    """
    _check(waybill, wanted, reason)
    now, selected = waybill.clock(), SelectedMessages(waybill.backend)
    at_once = waybill.settings.batch_messages
    total = sum(len(some) for some in selected.standing(wanted, now, at_once))
    act = MessagesVoidedInBulk.by(operator, now, reason, selection=str(wanted), act_id=PLANNED, planned=total)
    feed = begun_or_new(waybill, act, anything_to_do=total > 0)
    if feed is None:
        return VoidedInBulk(None, Counter(), False, ())
    newest = waybill.retry(waybill.messages.newest_notice)
    verdicts: Counter[Verdict] = Counter()
    done = 0
    for some in selected.standing(wanted, now, at_once):
        keys = [one.key for one in some]
        voids = voids_of(waybill, keys, reason, waybill.clock(), feed.act_id)
        receipts = feed.store([(void, key.subject) for void, key in zip(voids, keys, strict=True)])
        verdicts.update(receipt.verdict for receipt in receipts)
        done += len(some)
        on_batch(done, total)
    feed.finish()
    lost = waybill.retry(lambda: waybill.messages.no_longer_applied(newest))
    return VoidedInBulk(feed.act_id, verdicts, feed.continued, lost)


def _check(waybill: Waybill, wanted: MessageFilter, reason: str) -> None:
    if wanted.source is None and wanted.correlation_id is None and wanted.act is None:
        raise CannotVoidError("name the --source, the --correlation id or the --act of the messages that were wrong")
    if wanted.source is not None:
        expect_upstream(wanted.source)
    expect_reason(waybill, reason, wanted.source or PLANNED)


def _changes(waybill: Waybill, wanted: MessageFilter, reason: str) -> Iterator[tuple[str, list[MessageChange]]]:
    now = waybill.clock()
    streams = SelectedMessages(waybill.backend).by_stream(wanted)
    while some := list(islice(streams, STREAMS_AT_ONCE)):
        standing = [one.key for _, found in some for one in found if not one.voided]
        voids = dict(zip(standing, voids_of(waybill, standing, reason, now, PLANNED), strict=True))
        for stream, found in some:
            yield stream, [MessageChange(one, voids.get(one.key)) for one in found]
