"""Whether a relay that has never run on its store may begin: beside records of an earlier store it waits."""

from collections.abc import Mapping, Sequence
from typing import Any

from domain.counted import counted


def reason_to_wait_for_pruned(orders: int) -> str:
    """Why a relay must not begin with the history of a store of which so many orders are pruned; empty if it may."""
    if not orders:
        return ""
    return (
        f"the events of {counted(orders, 'order')} were pruned, and the relay has never run on this store: it would "
        "leave out what took effect in these. Start it with WAYBILL_RELAY_FROM=now, or bring the orders back first "
        "(waybill prune --undo)"
    )


class CannotBeginError(Exception):
    """The relay has never run on this store, and must not begin with its whole history; nothing was sent."""


def reason_to_wait(connection: Mapping[str, Any], topics: Sequence[str]) -> str:
    """Why a relay must not begin with this store's whole history; empty if these topics have never had a record.

    `connection` has kafka-python's connection settings.
    """
    # The client takes a tenth of a second to import: commands that never reach Kafka do without it.
    from infra.kafka.offsets import partition_ends

    ends = partition_ends(connection, topics)
    if isinstance(ends, str):
        return f"Kafka does not answer ({ends}); is WAYBILL_KAFKA right, and does it run?"
    written = sorted({topic for (topic, _), end in ends.items() if end.high_watermark})
    if not written:
        return ""
    return (
        f"{' and '.join(written)} {'have' if len(written) > 1 else 'has'} records already, but the relay has never run "
        "on this store: it would send the whole history again. If this store was recreated from its topics, let it "
        "read them to their ends (waybill status), then start the relay with WAYBILL_RELAY_FROM=now. To send "
        "everything again, start it with WAYBILL_RELAY_FROM=beginning"
    )
