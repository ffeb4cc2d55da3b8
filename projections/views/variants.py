"""Variants of views, which plain SQL does not offer: totals of scorecards, and contacts by kind."""

from dataclasses import replace
from functools import cache, partial

from projections.contacts import CONTACTS
from projections.reps import REPS
from projections.views.catalogue import View, view_named
from projections.views.contacts_by_kind import (
    SCORECARD_CONTACTS_DOCS,
    WORKLOAD_CONTACTS_DOCS,
    rep_workload_with_contacts,
    scorecard_with_contacts,
)
from projections.views.rep_scorecard import SCORECARD_COLUMN_DOCS
from projections.views.scorecard_totals import TOTALS_COLUMN_DOCS, Grouping, scorecards_by


@cache
def scorecard_view(by: Grouping | None = None, *, contacts: bool = False) -> View:
    """rep_scorecard, or its totals by team or mentor; with `contacts`, also the contacts of each month by kind."""
    view = view_named("scorecard")
    docs = SCORECARD_COLUMN_DOCS if by is None else TOTALS_COLUMN_DOCS
    projections = (*view.projections, *((REPS,) if by else ()), *((CONTACTS,) if contacts else ()))
    if contacts:
        question, docs = partial(scorecard_with_contacts, by=by), {**docs, **SCORECARD_CONTACTS_DOCS}
    else:
        question = partial(scorecards_by, by=by)
    description = view.description if by is None else f"The scorecards of reps, summed up by {by}."
    key = view.key if by is None else (by.column, *view.key[1:])
    return replace(view, description=description, question=question, column_docs=docs, projections=projections, key=key)


@cache
def workload_view(*, contacts: bool = False) -> View:
    """rep_workload; with `contacts`, contacts_7d by kind."""
    view = view_named("workload")
    if not contacts:
        return view
    docs = {**view.column_docs, **WORKLOAD_CONTACTS_DOCS}
    return replace(view, question=rep_workload_with_contacts, column_docs=docs)
