"""What is true of derived messages, whoever reacted."""

from domain.derived import MessageWithdrawn, is_derived
from domain.fact import Fact
from infra.app.container import Waybill


def check_that_each_stands_once(waybill: Waybill) -> int:
    """Each derived message was stored once, and again only after it was withdrawn. Returns how many stand."""
    standing: set[tuple[str, str, str]] = set()
    for _, event in waybill.history.after(0, 1_000_000):
        if is_derived(event):
            key = (event.originator_id, *event.key)
            if isinstance(event, Fact):
                assert key not in standing
                standing.add(key)
            elif isinstance(event, MessageWithdrawn):
                standing.remove(key)
    return len(standing)
