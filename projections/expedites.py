"""expedites: each request to deliver an order sooner and its decision, period by period."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

from domain.order.kind import ORDER
from domain.order.summary import ExpediteSummary
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowTable, row_maker


class ExpeditePeriod(NamedTuple):
    """One row for each period of an expedite request between two moments at which it changed."""

    order_id: Annotated[str, Key("The order.")]
    request_id: Annotated[str, Key("The request, within the order.")]
    valid_from: Annotated[datetime, Key("From when.")]
    valid_to: Annotated[datetime | None, "Until when; null while it lasts."]
    requested_at: Annotated[datetime, "When it was requested."]
    needed_by: Annotated[datetime, "When the customer needs the goods."]
    requested_by: Annotated[str | None, "customer or rep; null when that is not known."]
    decision: Annotated[str | None, "granted or declined; null while it is undecided."]
    decided_at: Annotated[datetime | None, "When it was decided."]
    promised_by: Annotated[datetime | None, "The promise of the grant; null without a grant."]
    surcharge: Annotated[Decimal | None, "What the grant costs the customer, in the order's currency."]
    informed_at: Annotated[datetime | None, "When the customer was first informed about it."]


expedite_periods = RowTable("expedite_periods", ExpeditePeriod)

_row = row_maker(ExpeditePeriod, ExpediteSummary, "order_id", "valid_from", "valid_to")


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Each request's periods. A moment has only the requests that it changed."""
    moments = settled.moments
    if not moments or moments[-1].summary is None or moments[-1].summary.expedite == "none":
        return {expedite_periods.name: ()}  # the usual order: nothing was requested
    seen: dict[str, list[tuple[datetime, ExpediteSummary]]] = {}
    for at, _, summary in moments:
        for expedite in summary.changed_expedites if summary else ():
            seen.setdefault(expedite.request_id, []).append((at, expedite))
    return {
        expedite_periods.name: [
            _row(expedite, order_id=settled.subject_id, valid_from=valid_from, valid_to=valid_to)
            for changes in seen.values()
            for expedite, valid_from, valid_to in periods(changes)
        ]
    }


EXPEDITES = Projection(name="expedites", version=1, kind=ORDER, tables=(expedite_periods,), shape=shape)
