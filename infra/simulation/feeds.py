"""The publishing systems, and the delay of their messages."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta, timezone, tzinfo

from infra.simulation.clock import DAY, HOUR, MINUTE, SECOND, Draw

Hearing = Callable[[int, Draw], int]


@dataclass(slots=True)
class Feed:
    """One upstream system: how it names its messages, writes its times, and how late it is."""

    source: str
    prefix: str
    hears: Hearing
    zone: tzinfo | None = None
    to_the_millisecond: bool = False
    sent: int = 0

    def next_id(self) -> str:
        """Counted rather than drawn, so that no two messages of a source share one."""
        self.sent += 1
        return f"{self.prefix}-{self.sent}"


def _at_once(time: int, draw: Draw) -> int:
    return time + SECOND + int(draw() * 14 * SECOND)


def _typed_in(time: int, draw: Draw) -> int:
    # A rep who is on the phone writes his notes down in the evening, or the next morning.
    if draw() < 0.05:
        return time + 2 * HOUR + int(draw() * 18 * HOUR)
    return time + 5 * SECOND + int(draw() * 4 * MINUTE)


def _quarter_hourly(time: int, draw: Draw) -> int:
    # The scanners send at each quarter of an hour, unless they were out of reach of the network.
    if draw() < 0.03:
        time += 3 * HOUR + int(draw() * 27 * HOUR)
    return (time // (15 * MINUTE) + 1) * 15 * MINUTE + int(draw() * 20 * SECOND)


def _fast_clock(time: int, draw: Draw) -> int:
    # Their clock is two minutes ahead, so some messages arrive before their own time.
    if draw() < 0.01:
        time += DAY + int(draw() * 2 * DAY)
    return time - 2 * MINUTE + 20 * SECOND + int(draw() * 5 * MINUTE)


def _hourly(time: int, draw: Draw) -> int:
    return (time // HOUR + 1) * HOUR + int(draw() * 90 * SECOND)


def _slow(time: int, draw: Draw) -> int:
    if draw() < 0.08:
        return time + DAY + int(draw() * 3 * DAY)
    return time + 2 * HOUR + int(draw() * 3 * HOUR)


def _nightly(time: int, draw: Draw) -> int:
    return (time // DAY + 1) * DAY + 2 * HOUR + int(draw() * 5 * MINUTE)


@dataclass(slots=True)
class Carrier:
    """A carrier, its feed, and its mode. With `by_number` it knows tracking numbers alone, not orders or shipments."""

    name: str
    feed: Feed
    mode: str
    by_number: bool = False
    numbers: int = 0

    def next_number(self) -> str:
        """A tracking number; counted in large steps, so that no two are the same."""
        self.numbers += 1
        return f"{self.feed.prefix}{100_000_000 + self.numbers * 104_729_717 % 900_000_000}"


@dataclass(slots=True)
class Feeds:
    """All sources of one simulation; they count their messages, so each run has its own."""

    order_entry: Feed = field(default_factory=lambda: Feed("/order-entry", "OE", _at_once, to_the_millisecond=True))
    crm: Feed = field(default_factory=lambda: Feed("/crm", "CRM", _typed_in))
    warehouse: Feed = field(default_factory=lambda: Feed("/warehouse", "WH", _quarter_hourly))
    hr: Feed = field(default_factory=lambda: Feed("/hr", "HR", _nightly))
    carriers: list[Carrier] = field(default_factory=list)
    pickup: Carrier = field(init=False)

    def __post_init__(self) -> None:
        summer_time = timezone(timedelta(hours=2))
        self.carriers = [
            Carrier("Northline", Feed("/couriers/northline", "NL", _fast_clock), "courier"),
            Carrier("Swift Van", Feed("/couriers/swift-van", "SV", _hourly), "courier"),
            Carrier("Ostwind Express", Feed("/couriers/ostwind", "OW", _slow, zone=summer_time), "courier"),
            Carrier("Own van", self.warehouse, "in_house"),
            Carrier("Own lorry", self.warehouse, "in_house"),
            Carrier("Parcel Line", Feed("/couriers/parcel-line", "PL", _hourly), "courier", by_number=True),
        ]
        self.pickup = Carrier("Customer", self.warehouse, "pickup")
