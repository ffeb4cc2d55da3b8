"""What was ever known of an order, instant by instant: its facts, and what reactors state because of others.

It gives at every instant what a question with `--known-at` derives (infra/settled_then/derived.py). Pure.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from consumers.reactors.parcels import parcel_messages
from domain.clock_holds import as_held_at
from domain.fact import Fact, FactKey
from projections.projection import Known

Placing = tuple[datetime, Fact | None]
"""From an instant of recording on, a standing order had placed the order with this fact; None: it had not."""


def known_over_time(
    order_id: str,
    facts: Iterable[Fact],
    scans: Mapping[str, Sequence[Fact]],
    placings: Iterable[Placing],
    skew: timedelta,
) -> Iterator[Known]:
    """What became known of an order, in the order of time.

    `facts` are its own without derived messages, `scans` the facts of the parcels that it ever named, by number, and
    `placings` are in order. Facts that are further ahead of a clock than `skew` are held until it has come that near.
    """
    own, placed = _by_instant(facts, skew), dict(placings)
    heard = {number: _by_instant(told, skew) for number, told in scans.items() if told}
    now: dict[FactKey, Fact] = {}
    scanned: dict[str, dict[FactKey, Fact]] = {number: {} for number in heard}
    stated: dict[FactKey, Fact] = {}
    placing: Fact | None = None
    for at in sorted({*own, *placed, *(at for told in heard.values() for at in told)}):
        put = {fact.key: fact for fact in own.get(at, ())}
        gone: set[FactKey] = set()
        if at in placed:
            if placing is not None:
                gone.add(placing.key)
                now.pop(placing.key)
            placing = placed[at]
            if placing is not None:
                put[placing.key] = placing
        now |= put
        if heard:
            for number, told in heard.items():
                scanned[number].update((fact.key, fact) for fact in told.get(at, ()))
            known = {number: list(of_number.values()) for number, of_number in scanned.items()}
            messages = parcel_messages(order_id, now.values(), known)
            follows = {message.fact.key: message.fact for message in messages}
            gone |= stated.keys() - follows.keys()
            put |= {key: fact for key, fact in follows.items() if stated.get(key) != fact}
            stated = follows
        yield Known(at, list(put.values()), gone - put.keys())


def instants_of(facts: Iterable[Fact], skew: timedelta) -> set[datetime]:
    """The instants of recording at which what these facts say can change."""
    return set(_by_instant(facts, skew))


def _by_instant(facts: Iterable[Fact], skew: timedelta) -> dict[datetime, list[Fact]]:
    """The facts by when they are known: when recorded; one that the clock holds then, again when the hold ends."""
    found: dict[datetime, list[Fact]] = defaultdict(list)
    for fact in facts:
        (recorded,) = as_held_at([fact], fact.recorded_at, skew)
        found[recorded.recorded_at].append(recorded)
        if recorded.held_until is not None:
            found[recorded.held_until] += as_held_at([fact], recorded.held_until, skew)
    return found
