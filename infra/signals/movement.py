"""Remembers since when places have not moved, from one look to the next."""

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime, timedelta
from threading import Lock
from typing import NamedTuple

from infra.signals.health import Place, Problem


class _Stay(NamedTuple):
    """Where a place has been although it is behind, and since when."""

    position: int
    since: datetime


class Movement:
    """Remembers since when each place has not moved although it is behind.

    It may be asked by several threads at once: each request of the server has its own.
    """

    def __init__(self) -> None:
        self._stays: dict[tuple[str, str], _Stay] = {}
        self._lock = Lock()

    def look(
        self, places: Sequence[Place], now: datetime, limit: timedelta, unread: Collection[str] = ()
    ) -> list[Problem]:
        """The places that have not moved for longer than `limit`: one problem a part.

        Of the parts in `unread`, the places could not be read: nothing new is said of them, and nothing forgotten.
        """
        seen: dict[tuple[str, str], _Stay] = {}
        with self._lock:
            for place in places:
                if place.behind:
                    before = self._stays.get((place.part, place.name))
                    stays = before is not None and before.position == place.position
                    seen[place.part, place.name] = before if before and stays else _Stay(place.position, now)
            kept = {key: stay for key, stay in self._stays.items() if key[0] in unread and key not in seen}
            self._stays = {**kept, **seen}
        late = {key: stay for key, stay in seen.items() if now - stay.since > limit}
        return [_standing(part, late) for part in dict.fromkeys(part for part, _ in late)]


def _standing(part: str, late: Mapping[tuple[str, str], _Stay]) -> Problem:
    """One problem of a part, whatever number of its places stay: they mostly stay for one reason."""
    stays = {name: stay for (of, name), stay in late.items() if of == part}
    names, positions = ", ".join(stays), ", ".join(map(str, sorted({stay.position for stay in stays.values()})))
    verbs = ("is", "stays") if len(stays) == 1 else ("are", "stay")
    since = min(stay.since for stay in stays.values())
    return Problem(part, f"{names} {verbs[0]} behind and {verbs[1]} at {positions}", since)
