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
    requested_rep_id: Annotated[str | None, "The rep who held the order when it was requested; null for none."]
    decided_rep_id: Annotated[str | None, "The rep who held the order when it was decided; null for none."]
    promised_by: Annotated[datetime | None, "The promise of the grant; null without a grant."]
    surcharge: Annotated[Decimal | None, "What the grant costs the customer, in the order's currency."]
    informed_at: Annotated[datetime | None, "When the customer was first informed about it."]


expedite_periods = RowTable("expedite_periods", ExpeditePeriod)

_row = row_maker(
    ExpeditePeriod, ExpediteSummary, "order_id", "valid_from", "valid_to", "requested_rep_id", "decided_rep_id"
)


class _Request(NamedTuple):
    """A request with the reps who held the order when it was requested, and when it was decided."""

    expedite: ExpediteSummary
    requested_rep_id: str | None
    decided_rep_id: str | None


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """Each request's periods. A moment has only the requests that it changed."""
    moments = settled.moments
    if not moments or moments[-1].summary is None or moments[-1].summary.expedite == "none":
        return {expedite_periods.name: ()}  # the usual order: nothing was requested
    seen: dict[str, list[tuple[datetime, _Request]]] = {}
    for at, _, summary in moments:
        for expedite in summary.changed_expedites if summary else ():
            changes = seen.setdefault(expedite.request_id, [])
            before = changes[-1][1] if changes else None
            changes.append((at, _request(expedite, summary.rep_id, before)))
    return {
        expedite_periods.name: [
            _row(
                request.expedite,
                order_id=settled.subject_id,
                valid_from=valid_from,
                valid_to=valid_to,
                requested_rep_id=request.requested_rep_id,
                decided_rep_id=request.decided_rep_id,
            )
            for changes in seen.values()
            for request, valid_from, valid_to in periods(changes)
        ]
    }


def _request(expedite: ExpediteSummary, holder: str | None, before: _Request | None) -> _Request:
    """A request after a change, with who holds the order now; `before` is the request before it, if it was there."""
    if before is None:
        return _Request(expedite, holder, None)
    decided_now = expedite.decision is not None and before.expedite.decision is None
    return _Request(expedite, before.requested_rep_id, holder if decided_now else before.decided_rep_id)


EXPEDITES = Projection(name="expedites", version=2, kind=ORDER, tables=(expedite_periods,), shape=shape)
