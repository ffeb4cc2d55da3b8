"""reps: each registered rep, period by period."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from domain.rep.kind import REP
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowTable


class RepPeriod(NamedTuple):
    """One row for each period of a rep, from the registration on, between two changes."""

    rep_id: Annotated[str, Key("The rep.")]
    valid_from: Annotated[datetime, Key("From when.")]
    valid_to: Annotated[datetime | None, "Until when; null while it lasts."]
    name: Annotated[str, "The rep's name."]
    level: Annotated[str, "entry or senior."]
    team: Annotated[str | None, "The rep's team."]
    mentor_id: Annotated[str | None, "The rep who mentors this one."]
    registered: Annotated[bool, "False once the rep has left; the name stays known."]


rep_periods = RowTable("rep_periods", RepPeriod)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The rep's periods, as registered and changed."""
    return {
        rep_periods.name: [
            RepPeriod(
                rep_id=rep.rep_id,
                valid_from=valid_from,
                valid_to=valid_to,
                name=rep.name,
                level=rep.level,
                team=rep.team,
                mentor_id=rep.mentor_id,
                registered=rep.registered,
            )
            for rep, valid_from, valid_to in periods((moment.at, moment.summary) for moment in settled.moments)
        ]
    }


REPS = Projection(name="reps", version=2, kind=REP, tables=(rep_periods,), shape=shape)
