"""Standing orders place each due date once, as a naive calculation says, in any order of arrival and with any clock."""

import random
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.reactors.standing_orders import StandingOrderReactor, placements_at
from domain.account.events import AccountRegistered
from domain.days import beginning_of_day, end_of_day
from domain.events import MessageVoided
from domain.fact import Fact
from domain.order.events import OrderPlaced
from domain.standing_order.events import Every, StandingOrderEstablished, StandingOrderMissed, StandingOrderStopped
from tests.unit.domain.facts import account_registered, established, stopped, voided

MANY = settings(max_examples=4 * settings().max_examples, deadline=None)
CATCH_UP = timedelta(days=7)
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "America/Sao_Paulo",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Pacific/Kiritimati",
    "Pacific/Pago_Pago",
    "Australia/Lord_Howe",
    "Pacific/Apia",
)
# A clock change, a leap day or a month's end is near each of them.
CENTRES = (
    datetime(2018, 11, 4, tzinfo=UTC),  # Sao Paulo's day began at one o'clock
    datetime(2021, 3, 28, tzinfo=UTC),  # Beirut's, too; Europe's clocks went forward
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2024, 2, 29, tzinfo=UTC),
    datetime(2023, 2, 28, tzinfo=UTC),
    datetime(2011, 12, 30, tzinfo=UTC),  # Apia had no such day
)


# -- the naive calculation: a day at a time, a quarter of an hour at a time ---------------------------


@cache
def begins(day: date, zone: str) -> datetime:
    at = datetime(day.year, day.month, day.day, tzinfo=UTC) - timedelta(hours=36)
    while at.astimezone(ZoneInfo(zone)).date() < day:
        at += QUARTER
    return at


def is_due(said: StandingOrderEstablished, day: date) -> bool:
    if day < said.first_on or (said.until is not None and day > said.until):
        return False
    every = said.every
    if every.days is not None:
        return (day - said.first_on).days % every.days == 0
    if every.weekday is not None:
        return day.isoweekday() == every.weekday
    is_last = (day + DAY).month != day.month
    return day.day == every.month_day or (is_last and day.day < (every.month_day or 0))


def zone_of(facts: Iterable[Fact], day: date, business_zone: str) -> str:
    said = sorted((f for f in facts if isinstance(f, AccountRegistered)), key=lambda f: f.sort_key)
    by_then = [
        f
        for f in said
        if f.occurred_at.date() < day or f.occurred_at == datetime(day.year, day.month, day.day, tzinfo=UTC)
    ]
    chosen = by_then[-1] if by_then else said[0] if said else None
    return (chosen.time_zone if chosen is not None else None) or business_zone


def naive(facts: Sequence[Fact], clock: datetime, business_zone: str) -> dict[date, tuple[Any, ...]]:
    """What is owed by then: date to (when it comes due, end of its day, account, quantity of its line)."""
    voids = {f.names for f in facts if isinstance(f, MessageVoided)}
    counting = [f for f in facts if f.key not in voids]
    changes: list[Any] = []
    for fact in sorted(counting, key=lambda f: f.sort_key):
        if isinstance(fact, StandingOrderEstablished):
            changes.append(fact)
        if isinstance(fact, StandingOrderStopped) and changes:
            changes.append(fact)
    # A stop that came too early counts from the first terms on.
    first = next((f for f in changes if isinstance(f, StandingOrderEstablished)), None)
    early = [
        f for f in counting if isinstance(f, StandingOrderStopped) and first is not None and f.sort_key < first.sort_key
    ]
    if first is not None and early:
        changes.insert(changes.index(first) + 1, msgspec.structs.replace(early[0], occurred_at=first.occurred_at))
    owed: dict[date, tuple[Any, ...]] = {}
    for number, said in enumerate(changes):
        if not isinstance(said, StandingOrderEstablished):
            continue
        assert first is not None
        until = changes[number + 1].occurred_at if number + 1 < len(changes) else None
        since = said.occurred_at
        earliest = since.date() if since > first.occurred_at else max(since, said.recorded_at).date() - 366 * DAY
        day = max(earliest, min(said.first_on, clock.date() + 60 * DAY))
        while day <= clock.date() + (said.lead_days + 3) * DAY:
            if is_due(said, day):
                placing = day - said.lead_days * DAY
                zone = zone_of(counting, placing, business_zone)
                at = max(begins(placing, zone), since)
                if at <= clock and (until is None or at < until) and day not in owed:
                    owed[day] = (at, begins(day + DAY, zone), said.account_id, said.lines[0].quantity)
            day += DAY
    return owed


# -- the reactor, with a store in memory --------------------------------------------------------------


class Store:
    """Runs the reactor as the machine does: remembers what it stated, and keeps what it found missed."""

    def __init__(self, reactor: StandingOrderReactor):
        self.reactor = reactor
        self.facts: list[Fact] = []
        self.stands: dict[str, OrderPlaced] = {}
        self.stated: dict[str, datetime | None] = {}
        self.wake_at: datetime | None = None

    def react(self, now: datetime) -> None:
        own = [f for f in self.facts if not isinstance(f, AccountRegistered)]
        accounts = {"ALFKI": [f for f in self.facts if isinstance(f, AccountRegistered | MessageVoided)]}
        reaction = self.reactor.react("12", own, accounts, now, self.stated)
        placed: list[Any] = [message.fact for message in reaction.messages]
        self.stands = {fact.message_id: fact for fact in placed}
        assert len(self.stands) == len(placed)
        assert all(message.subject == f"12-{message.fact.message_id[-10:]}" for message in reaction.messages)
        self.stated |= {message.fact.message_id: message.since for message in reaction.messages}
        self.facts += [message.fact for message in reaction.lasting]
        self.wake_at = reaction.wake_at
        again = self.reactor.react("12", [*own, *(m.fact for m in reaction.lasting)], accounts, now, self.stated)
        assert list(again.messages) == list(reaction.messages)
        assert not again.lasting
        assert again.wake_at == reaction.wake_at

    @property
    def missed(self) -> set[date]:
        return {f.due_on for f in self.facts if isinstance(f, StandingOrderMissed)}

    def placed(self) -> dict[date, tuple[Any, ...]]:
        return {
            date.fromisoformat(f.message_id[-10:]): (f.occurred_at, f.promised_by, f.account_id, f.lines[0].quantity)
            for f in self.stands.values()
        }


def at_hours(centre: datetime, fact: Any, recorded: datetime) -> Any:
    """Facts of the tests are told in hours; here hours are counted from another day."""
    shift = centre - datetime(2026, 3, 2, tzinfo=UTC)
    return msgspec.structs.replace(fact, occurred_at=fact.occurred_at + shift, recorded_at=recorded)


everies = (
    st.builds(Every, days=st.integers(1, 20))
    | st.builds(Every, weekday=st.integers(1, 7))
    | st.builds(Every, month_day=st.sampled_from((1, 15, 28, 29, 30, 31)))
)


@st.composite
def histories(draw: st.DrawFn, *, of_the_past: bool = True) -> tuple[datetime, list[Fact]]:
    """A few messages about one standing order and its account, over about two months.

    Terms can speak of days before themselves, unless they are not to speak `of_the_past`.
    """
    centre = draw(st.sampled_from(CENTRES))
    hours = st.integers(-30 * 24 * 4, 20 * 24 * 4).map(lambda quarters: quarters / 4)
    facts: list[Any] = []
    for number in range(draw(st.integers(1, 3))):
        said_at = draw(hours)
        first_on = (centre + draw(st.integers(-60, 20)) * DAY).date()
        facts.append(
            established(
                said_at,
                every=draw(everies),
                first_on=first_on if of_the_past else max(first_on, (centre + timedelta(hours=said_at)).date()),
                lead_days=draw(st.integers(0, 12)),
                until=draw(st.none() | st.integers(-20, 25).map(lambda days: (centre + days * DAY).date())),
                lines={1: number + 1},
            )
        )
    facts += [stopped(draw(hours)) for _ in range(draw(st.integers(0, 2)))]
    facts += [
        account_registered(draw(hours), time_zone=draw(st.none() | st.sampled_from(ZONES)))
        for _ in range(draw(st.integers(0, 2)))
    ]
    voids = [voided(fact, 0) for fact in draw(st.lists(st.sampled_from(facts), max_size=2, unique_by=id))]
    told = [at_hours(centre, fact, fact.recorded_at) for fact in [*facts, *voids]]
    return centre, [msgspec.structs.replace(fact, recorded_at=fact.occurred_at) for fact in told]


@pytest.mark.parametrize("zone", ZONES)
def test_a_local_day_begins_at_its_first_instant(zone: str) -> None:
    for centre in CENTRES:
        for days in range(-2, 3):
            day = (centre + days * DAY).date()
            assert beginning_of_day(day, zone) == begins(day, zone)
            assert end_of_day(day, zone) == begins(day + DAY, zone)


@pytest.mark.parametrize(
    ("zone", "day"),
    [
        ("America/Toronto", date(1919, 3, 31)),  # clocks went forward from 23:30 to 00:30
        ("America/St_Johns", date(2009, 11, 1)),  # and here back from 00:01 to 23:01: the day began twice
    ],
)
def test_a_local_day_begins_once_where_a_clock_change_crosses_midnight(zone: str, day: date) -> None:
    for one in (day - DAY, day, day + DAY):
        assert beginning_of_day(one, zone) == begins(one, zone)


@MANY
@given(histories(), st.sampled_from(ZONES))
def test_what_follows_at_an_instant_is_what_the_naive_calculation_says(
    told: tuple[datetime, list[Fact]], business_zone: str
) -> None:
    centre, facts = told
    own = [f for f in facts if not isinstance(f, AccountRegistered)]
    accounts = {"ALFKI": [f for f in facts if isinstance(f, AccountRegistered | MessageVoided)]}
    for days in (-10, 0, 3, 21):
        clock = centre + days * DAY
        found: list[Any] = [message.fact for message in placements_at("12", own, accounts, business_zone, clock)]
        placed = {
            date.fromisoformat(f.message_id[-10:]): (f.occurred_at, f.promised_by, f.account_id, f.lines[0].quantity)
            for f in found
        }
        assert placed == naive(facts, clock, business_zone)
        assert all(f.recorded_at >= f.occurred_at for f in found)


@MANY
@given(histories(), st.sampled_from(ZONES), st.integers(0, 2**32), st.data())
def test_in_any_order_of_arrival_each_date_is_placed_once_or_found_missed(
    told: tuple[datetime, list[Fact]], business_zone: str, seed: int, data: st.DataObject
) -> None:
    centre, facts = told
    random.Random(seed).shuffle(facts)
    store = Store(StandingOrderReactor(business_zone, CATCH_UP))
    clock = centre - 31 * DAY
    highest = clock
    for fact in facts:
        store.facts.append(fact)
        # The clock moves on, stands, or is set back.
        clock += timedelta(hours=data.draw(st.sampled_from((0, 5, 30, 24 * 9, -50))))
        highest = max(highest, clock)
        store.react(clock)
    end = centre + 25 * DAY
    while clock < end:
        step = clock + 2 * DAY if store.wake_at is None else max(store.wake_at, clock)
        clock = min(max(step, clock + timedelta(minutes=1)), end)
        highest = max(highest, clock)
        store.react(clock)

    owed = naive(facts, clock, business_zone)
    assert store.placed() == {day: said for day, said in owed.items() if day not in store.missed}
    for marker in (f for f in store.facts if isinstance(f, StandingOrderMissed)):
        assert marker.recorded_at - marker.occurred_at > timedelta(0)
        assert not any(message_id.endswith(marker.due_on.isoformat()) for message_id in store.stated)


@MANY
@given(histories(of_the_past=False), st.sampled_from(ZONES))
def test_a_reactor_that_runs_in_time_misses_nothing_and_wakes_when_each_date_comes_due(
    told: tuple[datetime, list[Fact]], business_zone: str
) -> None:
    centre, facts = told
    store = Store(StandingOrderReactor(business_zone, CATCH_UP))
    store.facts = list(facts)
    clock = centre - 31 * DAY
    seen: dict[date, datetime] = {}
    while clock < centre + 22 * DAY:
        store.react(clock)
        for day in store.placed():
            seen.setdefault(day, clock)
        assert store.wake_at is None or store.wake_at > clock
        clock = centre + 22 * DAY if store.wake_at is None else store.wake_at

    assert not store.missed
    for day, (comes_due, *_) in store.placed().items():
        assert seen[day] == max(comes_due, centre - 31 * DAY)
