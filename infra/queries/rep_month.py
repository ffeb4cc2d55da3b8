"""The month of T on a rep's scorecard, so far. It reads every order of the month's customers, so it takes a while."""

from collections.abc import Mapping, Sequence
from typing import Any

from infra.queries.views import Asked, Views
from infra.store.business_months import expect_business_months
from projections.views.business_months import this_month
from projections.views.catalogue import view_named


def rep_month(views: Views, asked: Asked, rep_id: str) -> Sequence[Mapping[str, Any]]:
    """The rep's rows of rep_scorecard for the month of T in the business zone, one for each currency."""
    card = view_named("scorecard")
    with views.reading(asked, card.projections) as reading:
        if asked.known_at is None:
            expect_business_months(reading.connection, reading.as_of.zone)
        question = card.question(reading.as_of)
        columns = question.selected_columns
        return reading.dicts(question.where(columns["rep_id"] == rep_id, columns["month"] == this_month(reading.as_of)))
