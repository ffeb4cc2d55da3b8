"""The carriers in use, and how punctual they were: sums over months of the carriers' view."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from infra.queries.views import Asked, Views
from projections.views.catalogue import view_named


class UsedCarrier(NamedTuple):
    """A carrier, with its shipments in all modes and currencies: all, those delivered, and those delivered on time."""

    carrier: str
    shipments: int
    delivered: int
    on_time: int


def used_carriers(views: Views, now: datetime) -> Sequence[UsedCarrier]:
    """The carriers of shipments booked in the year to `now` (UTC), the most used first. Raises NotFilledError."""
    since = f"{now.year - 1:04}-{now.month:02}"
    sums: dict[str, Counter[str]] = {}
    for row in views.ask(view_named("carriers"), Asked()).rows:
        if str(row["month"])[:7] >= since:
            counted = sums.setdefault(row["carrier"], Counter())
            counted.update({column: row[column] for column in ("shipments", "delivered", "on_time")})
    found = [UsedCarrier(carrier, one["shipments"], one["delivered"], one["on_time"]) for carrier, one in sums.items()]
    return sorted(found, key=lambda one: (-one.shipments, one.carrier))
