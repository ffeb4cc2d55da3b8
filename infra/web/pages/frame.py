"""What stands around every page: the list of pages, the clocks with their slider, and how far the views are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request

from consumers.contract.writing import instant_text
from infra.queries.views import Asked
from infra.store.projected.serving import NotFilledError
from infra.web.clocks import Clocks
from infra.web.context import web_of
from infra.web.pages.links import own_path, rep_path
from infra.web.pages.table_declarations import table_of
from infra.web.security.principal import Principal
from projections.views.catalogue import VIEWS

CLOCKS = ("as_of", "known_at")
CURSOR = "cursor"
"""The parameter of a later page of rows. It belongs to one instant, so it is dropped when the clocks move."""
SORT = "sort"


class Place(NamedTuple):
    """A page of the navigation. `key` is its letter after `g` on the keyboard; `apart` draws a line before it."""

    path: str
    name: str
    key: str = ""
    apart: bool = False
    filters: Mapping[str, str] = {}
    """With which filters and sort its rows open."""
    also: str = ""
    """Another address whose pages belong to it."""

    def covers(self, path: str) -> bool:
        """Whether a page at this path belongs to it."""
        return path.startswith(f"{self.path}/") or (bool(self.also) and path == self.also)


PLACES = (
    Place("/", "Today", "t"),
    Place("/overdue", "Overdue", "o"),
    Place("/at-risk", "At risk", "r"),
    Place("/late", "Late", "l"),
    Place("/follow-ups", "Follow-ups", "f"),
    Place("/orders", "Orders", "a", apart=True, filters={"status": "open", "sort": "promised_by"}),
    Place("/shipments", "Shipments", "s"),
    Place("/operations", "Operations", "p", apart=True, also="/messages"),
)
MORE = tuple(
    Place(f"/{view.command}", table_of(view).title)
    for view in VIEWS
    if f"/{view.command}" not in {place.path for place in PLACES}
)
"""The tables of the other views, which the navigation unfolds."""


class Step(NamedTuple):
    """A link that moves the page in time; `link` is None at the end of time. `wide`: not on a phone."""

    name: str
    label: str
    key: str
    link: str | None
    wide: bool = False


@dataclass(frozen=True)
class TimePanel:
    """The clocks of a page and how to move them. All instants are in UTC; seconds are those since 1970."""

    begins: datetime
    """The time of the first event, or an hour ago in an empty store."""
    now: datetime
    shown: datetime
    past: bool
    """Whether the page shows anything but the present."""
    known_then: bool
    """Whether it shows what was known at the instant that it shows."""
    others: Sequence[tuple[str, str]]
    """The page's other parameters, which a form keeps."""
    steps: Sequence[Step]
    now_link: str
    known_link: str | None
    """Turns "as known then" on or off; None in the present, where both are the same."""

    @property
    def begins_seconds(self) -> int:
        return int(self.begins.timestamp())

    @property
    def now_seconds(self) -> int:
        return int(self.now.timestamp())

    @property
    def shown_seconds(self) -> int:
        return min(max(int(self.shown.timestamp()), self.begins_seconds), self.now_seconds)


@dataclass(frozen=True)
class Frame:
    """What base.html shows around a page. `position` is what the views reflect, `behind` how many events they miss."""

    request: Request
    time: TimePanel
    position: int
    behind: int
    places: Sequence[Place] = PLACES
    more: Sequence[Place] = MORE

    @property
    def unfolded(self) -> bool:
        """Whether the page is one of those that the navigation unfolds."""
        return any(place.path == self.request.url.path for place in self.more)

    @property
    def _sort(self) -> str:
        return self.request.query_params.get(SORT, "").split(",")[0]

    def sorted_by(self, column: str) -> str | None:
        """`ascending` or `descending` if the page is sorted by this column first, else None."""
        return {column: "ascending", f"-{column}": "descending"}.get(self._sort)

    def sort_link(self, column: str) -> str:
        """The page sorted by this column: the greatest first, and the other way round when it is so already."""
        turned = column if self._sort == f"-{column}" else f"-{column}"
        kept = [pair for pair in self.request.query_params.multi_items() if pair[0] not in (SORT, CURSOR)]
        return _address(self.request, [*kept, (SORT, turned)])


def frame_of(request: Request, clocks: Clocks, principal: Principal | None = None) -> Frame:
    """The frame of a page; it asks the store how far the views are."""
    waybill = web_of(request).waybill
    own = my_desk(request, principal)
    now = waybill.clock()
    position, head = waybill.runner.position(), waybill.history.head()
    behind = waybill.history.count_after(position) if head > position else 0
    return Frame(
        request,
        time_panel(request, clocks, waybill.beginning() or now - timedelta(hours=1), now),
        position,
        behind,
        PLACES if own is None else (own, *PLACES),
    )


def my_desk(request: Request, principal: Principal | None) -> Place | None:
    """The desk of whoever is signed in: of the registered rep whose id or name is the key's name."""
    if principal is None:
        return None
    web, wanted = web_of(request), principal.name.casefold()

    def found() -> str | None:
        try:
            reps = [rep for rep in web.waybill.desk.reps().values() if rep.registered]
        except NotFilledError:
            return None
        by_id = [rep.rep_id for rep in reps if rep.rep_id.casefold() == wanted]
        by_name = [rep.rep_id for rep in reps if rep.name.casefold() == wanted]
        return by_id[0] if by_id else by_name[0] if len(by_name) == 1 else None

    rep_id = web.kept(("my_desk", wanted), found)
    return None if rep_id is None else Place(rep_path(rep_id), "My desk", "m")


def time_panel(request: Request, clocks: Clocks, begins: datetime, now: datetime) -> TimePanel:
    """The clocks of a request in a history that begins at this instant, at `now`."""
    asked = clocks.asked
    shown = asked.as_of or now
    known_then = asked.known_at is not None and asked.known_at == asked.as_of

    def moved(seconds: int) -> str | None:
        try:
            to = shown + timedelta(seconds=seconds)
        except OverflowError:
            return None
        if to >= now:
            return (
                None
                if asked.as_of is None
                else with_clocks(request, Asked(None, None if known_then else asked.known_at))
            )
        return with_clocks(request, Asked(to, to if known_then else asked.known_at))

    steps = (
        Step("\N{MINUS SIGN}1 w", "A week back", "-604800", moved(-604800), wide=True),
        Step("\N{MINUS SIGN}1 d", "A day back", "-86400", moved(-86400)),
        Step("\N{MINUS SIGN}1 h", "An hour back", "-3600", moved(-3600), wide=True),
        Step("+1 h", "An hour forward", "3600", moved(3600), wide=True),
        Step("+1 d", "A day forward", "86400", moved(86400)),
        Step("Now", "The present", "now", with_clocks(request, Asked()) if asked != Asked() else None),
    )
    known_link = None
    if asked.as_of is not None:
        known_link = with_clocks(request, Asked(asked.as_of, None if known_then else asked.as_of))
    return TimePanel(
        begins=min(begins, now),
        now=now,
        shown=shown,
        past=asked != Asked(),
        known_then=known_then,
        others=_others(request),
        steps=steps,
        now_link=with_clocks(request, Asked()),
        known_link=known_link,
    )


def with_clocks(request: Request, asked: Asked) -> str:
    """The address of this page, with its other parameters, at these clocks."""
    told = zip(CLOCKS, (asked.as_of, asked.known_at), strict=True)
    clocks = [(name, instant_text(value)) for name, value in told if value is not None]
    return _address(request, [*_others(request), *clocks])


def _others(request: Request) -> list[tuple[str, str]]:
    return [pair for pair in request.query_params.multi_items() if pair[0] not in (*CLOCKS, CURSOR)]


def _address(request: Request, parameters: Sequence[tuple[str, str]]) -> str:
    path = own_path(request)
    return f"{path}?{urlencode(parameters)}" if parameters else path
