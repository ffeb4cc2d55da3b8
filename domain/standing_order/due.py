"""What is due: each date of a standing order, the terms under which it is placed, and when.

A date comes due for placing when its local day begins, `lead_days` days earlier, and not before its terms were
established. It is placed under the terms in force then, and once, whatever terms follow. The time zone is the
account's, by its latest registration at the beginning (in UTC) of the day of placing, else by its first registration;
without one it is the business time zone.

When terms replace earlier ones, they speak of the days from then on (of the calendar in UTC). The first terms may speak
of earlier days, because the message may have been late; days of more than a year before are left out.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, time
from typing import NamedTuple

from domain.account.events import AccountRegistered
from domain.days import beginning_of_day, days_before, end_of_day
from domain.events import MessageVoided
from domain.fact import Fact, sort_key_of
from domain.settling import Moment
from domain.standing_order.calendar import due_dates
from domain.standing_order.events import StandingOrderEstablished, StandingOrderStopped
from domain.voids import weigh_voids

DAYS_BEFORE_IT_WAS_KNOWN = 366
"""How many days before they were known the first terms may speak of."""
# No local day begins or ends further from its date in UTC.
_FURTHEST_DAYS = 2


class Terms(NamedTuple):
    """Terms and the period in which they are in force: from `since` up to, but not including, `until` (None: lasting).

    `first_day` is the first day that they speak of.
    """

    said: StandingOrderEstablished
    since: datetime
    until: datetime | None
    first_day: date


class Due(NamedTuple):
    """A date for which an order is owed.

    `comes_due` is when it is to be placed, and `ends` the end of its local day. `known_at` is when the placing is
    recorded: at the latest recording of its reasons, or when it comes due if that is later (all UTC).
    """

    on: date
    terms: StandingOrderEstablished
    comes_due: datetime
    ends: datetime
    known_at: datetime


class Zones:
    """The time zone of an account on each day, by its registrations (those voided or held by the clock left out)."""

    def __init__(self, account_facts: Iterable[Fact], business_zone: str):
        self._business_zone = business_zone
        said = [fact for fact in account_facts if isinstance(fact, AccountRegistered | MessageVoided)]
        standing = [fact for fact in weigh_voids(said).standing if fact.held_until is None]
        self._since: list[datetime] = []
        self._zones: list[tuple[str, datetime]] = []
        for fact in sorted(standing, key=sort_key_of):
            zone = getattr(fact, "time_zone", None) or business_zone
            if self._zones and self._zones[-1][0] == zone:
                # Registered again in the same zone: known since the first recording.
                self._zones[-1] = (zone, min(self._zones[-1][1], fact.recorded_at))
            else:
                self._since.append(fact.occurred_at)
                self._zones.append((zone, fact.recorded_at))

    def on(self, day: date) -> tuple[str, datetime | None]:
        """The zone for placing on this day, and when it was recorded (None: it needs no registration)."""
        if not self._zones:
            return self._business_zone, None
        index = max(bisect_right(self._since, datetime.combine(day, time(), UTC)) - 1, 0)
        zone, recorded_at = self._zones[index]
        return zone, None if index == 0 and zone == self._business_zone else recorded_at


def terms_of(moments: Iterable[Moment]) -> Sequence[Terms]:
    """All terms of a standing order, in order, by its settled facts."""
    changes = [
        (at, fact) for at, fact, _ in moments if isinstance(fact, StandingOrderEstablished | StandingOrderStopped)
    ]
    if not changes:
        return ()
    ends = [*(at for at, _ in changes[1:]), None]
    return [
        Terms(fact, at, until, first_day_of(fact, at, begins=at == changes[0][0]))
        for (at, fact), until in zip(changes, ends, strict=True)
        if isinstance(fact, StandingOrderEstablished)
    ]


def first_day_of(said: StandingOrderEstablished, since: datetime, *, begins: bool) -> date:
    """The first day that terms speak of; `begins` says that they replace none."""
    if not begins:
        return since.date()
    return days_before(max(since, said.recorded_at).date(), DAYS_BEFORE_IT_WAS_KNOWN)


def dates_to_look_at(
    terms: Sequence[Terms], zones: Mapping[str, Zones], by: datetime, at_least: date | None
) -> Iterator[Due]:
    """The dates of the terms, each once: all that have come due by an instant, and some that have not.

    Those come due later: the dates up to `at_least` (None: no such date), and after these at least one more of each
    terms that have one. So the caller compares `comes_due` with the clock. `zones` has the time zones of each account
    that the terms name.
    """
    found: set[date] = set()
    for one in terms:
        yield from _under(one, zones[one.said.account_id], by, at_least, found)


def _under(terms: Terms, zones: Zones, by: datetime, at_least: date | None, found: set[date]) -> Iterator[Due]:
    """The same for one of the terms; adds to the dates that were found."""
    said = terms.said
    latest = _days_after(by, _FURTHEST_DAYS)
    last = None if terms.until is None else _days_after(terms.until, _FURTHEST_DAYS)
    for on in due_dates(said.every, said.first_on, said.until, terms.first_day):
        placing = days_before(on, said.lead_days)
        zone, zone_known_at = zones.on(placing)
        comes_due = max(beginning_of_day(placing, zone), terms.since)
        # Earlier terms with more days of lead can have found many dates ahead: the next one is after these.
        is_new = on not in found and (terms.until is None or comes_due < terms.until)
        if is_new:
            found.add(on)
            known_at = max(comes_due, said.recorded_at, zone_known_at or said.recorded_at)
            yield Due(on, said, comes_due, end_of_day(on, zone), known_at)
        if last is not None and placing > last:
            return
        if is_new and placing > latest and (at_least is None or on > at_least):
            return


def _days_after(instant: datetime, days: int) -> date:
    return date.fromordinal(min(instant.date().toordinal() + days, date.max.toordinal()))
