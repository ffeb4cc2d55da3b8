"""Quotes for a booking: what each carrier did before, by the store's own past."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

from domain.desk.carrier_quotes import MINIMUM, PastShipment, Quote, quotes
from infra.app.container import Waybill
from infra.queries.streamed import Streamed
from infra.queries.views import Asked
from projections.order_states import ORDER_STATES
from projections.shipments import SHIPMENTS
from projections.views.catalogue import View
from projections.views.past_shipments import past_shipments

PAST_SHIPMENTS = View(
    "past_shipments",
    "past-shipments",
    "The shipments behind a quote.",
    past_shipments,
    (SHIPMENTS, ORDER_STATES),
)


@dataclass(frozen=True)
class QuoteAsked:
    """What is to be booked: how (`courier`, `in_house` or `pickup`), and if it matters for whom and by whom.

    A figure needs at least `minimum` shipments.
    """

    mode: str
    account: str | None = None
    carrier: str | None = None
    service_level: str | None = None
    minimum: int = MINIMUM


class Quoted(NamedTuple):
    """The quotes, the most punctual carrier first, and the position that they reflect.

    `account_has_past` says whether any of the shipments was of the account that was asked for.
    """

    quotes: list[Quote]
    position: int
    account_has_past: bool


def quote(waybill: Waybill, asked: QuoteAsked, clocks: Asked) -> Quoted:
    """The quotes by these clocks."""
    accounts: set[str | None] = set()

    def shipments(past: Streamed) -> Iterator[PastShipment]:
        for row in (row for batch in past.batches() for row in batch):
            shipment = PastShipment(*row)
            accounts.add(shipment.account_id)
            yield shipment

    filters = {"mode": asked.mode, "carrier": asked.carrier, "service_level": asked.service_level}
    given = {column: value for column, value in filters.items() if value is not None}
    with waybill.views.stream(PAST_SHIPMENTS, clocks, given) as past:
        found = quotes(shipments(past), asked.account, asked.minimum)
        return Quoted(found, past.position, asked.account in accounts)
