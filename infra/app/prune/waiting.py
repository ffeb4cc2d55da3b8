"""What waited for the events of a pruned order is judged once these are there: brought back, or restored."""

from collections.abc import Sequence
from functools import partial

from consumers.ingest.redrive import redrive_streams
from consumers.ingest.register import Changes
from infra.app.container import Waybill
from infra.store.operator_log import Acting, Who
from infra.store.pruned import whole_again_with_held
from infra.store.register.letters import StoredLetters

RESTORE = Who("waybill restore")
STREAMS_AT_ONCE = 200


def judge_waiting(acting: Acting, letters: StoredLetters, streams: Sequence[str]) -> int:
    """Judge what was held of orders whose events are there; returns how many messages have another verdict."""
    transaction = letters.within(acting.connection)
    changes = Changes(acting.now, ())
    changed = redrive_streams(transaction, changes, streams, f"brought back by {acting.who.operator}")
    transaction.save(changes)
    return len(changed)


def judge_restored(waybill: Waybill) -> int:
    """Judge what was held for orders that were pruned when the store was archived, and are whole in the restored one.

    Returns how many messages have another verdict; repeating it changes nothing.
    """
    letters = StoredLetters(waybill.backend)
    with waybill.engine.connect() as connection:
        streams = whole_again_with_held(connection, waybill.backend)
    some_each = [streams[start : start + STREAMS_AT_ONCE] for start in range(0, len(streams), STREAMS_AT_ONCE)]
    return sum(
        waybill.operator_log.act(RESTORE, partial(judge_waiting, letters=letters, streams=some)) for some in some_each
    )
