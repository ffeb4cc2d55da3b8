"""Operations: what is wrong, the books, how far each part is, and what operators do about it."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import NamedTuple

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from domain.checkpoint import CheckpointMovedError
from infra.app.container import Waybill
from infra.app.doctor.doctor import Examination, examine, judge
from infra.app.doctor.looking import look
from infra.app.doctor.seen import Seen
from infra.app.parked import NothingParkedError, ParkedKey, PausedError, parked_keys, retry_parked
from infra.app.pause import PARTS, UnknownPartError, part_named, pause, resume
from infra.app.rebuild.standing import RebuildStanding
from infra.app.status import ProjectionStatus, projection_statuses, read_status
from infra.queries.books import SourceBooks, books_of_sources
from infra.store.pauses import CONSUME, REACT, RELAY, Pause
from infra.web.clocks import clocks_of
from infra.web.context import stop_of, web_of
from infra.web.forms import Fields, text_of
from infra.web.pages.links import part_path
from infra.web.pages.rebuild_words import shown_rebuilds
from infra.web.pages.render import page
from infra.web.problems import Problem
from infra.web.security.guard import Operator, Reader
from infra.web.security.principal import Principal
from projections.views.catalogue import VIEWS

router = APIRouter(include_in_schema=False)

MOST_TO_COUNT_BY_SOURCE = 200_000
"""Up to so many received messages the page counts by source at once; beyond that, when asked."""
SECONDS_TO_RETRY = 2.0
"""How long a retry of parked keys tries to get between the batches of a projector."""
ALL = "all"
PLACES_OF_CHECKS = {
    "dead letters": "/operations/dead-letters",
    "held": "/operations/held",
}
PROCESSES = {
    CONSUME: ("Consumer", "reads Kafka into the store"),
    REACT: ("Reactors", "state what follows from stored messages"),
    RELAY: ("Relay", "sends events and verdicts to other systems"),
}


class ShownPart(NamedTuple):
    """One version of a projection, or a process, as the page shows it."""

    name: str
    status: ProjectionStatus
    pause: Pause | None
    parked: int
    rebuild: RebuildStanding | None


@router.get("/operations")
def operations(request: Request, principal: Reader, check: str = Query(""), sources: str = Query("")) -> Response:
    """The page. With `check=all` everything is examined as `waybill doctor` does, Kafka too, which can take seconds."""
    web = web_of(request)
    waybill = web.waybill
    examined = examine(waybill.settings, waybill.clock) if check == ALL else _store_alone(waybill)
    found = read_status(waybill, ask_kafka=check == ALL)
    paused = {one.name: one for one in found.paused}
    begun = {(one.name, one.version): one for one in found.rebuilds}
    counted = sources == ALL or found.books.received <= MOST_TO_COUNT_BY_SOURCE
    by_source: Sequence[SourceBooks] = books_of_sources(waybill.engine) if counted else ()
    return page(
        request,
        "operations.html",
        principal,
        clocks_of(request),
        examined=examined,
        thorough=check == ALL,
        place_of_check=PLACES_OF_CHECKS,
        found=found,
        sources=by_source,
        counted=counted,
        parts=[
            ShownPart(
                one.name,
                one,
                paused.get(one.name),
                sum((key.name, key.version) == (one.name, one.version) for key in found.parked),
                begun.get((one.name, one.version)),
            )
            for one in found.projections
        ],
        one_version=all(one.serves for one in found.projections),
        processes=PROCESSES,
        paused=paused,
        rebuilds=shown_rebuilds(web.rebuilds),
    )


def _store_alone(waybill: Waybill) -> Examination:
    """The checks of the store. Those of the broker are left out: they wait for its answers."""
    return judge(Seen(waybill.clock(), look(waybill), None, uses_kafka=False))


@router.get("/operations/parts/{part}")
def one_part(request: Request, principal: Reader, part: str) -> Response:
    """One part: its state, who paused it, what it could not take, and what can be done with it."""
    return _part_page(request, principal, _named(part))


@router.post("/operations/parts/{part}/pause")
def pause_part(request: Request, principal: Operator, part: str, fields: Fields) -> Response:
    """Pause a part, whichever processes run it, until somebody resumes it."""
    name, reason = _named(part), text_of(fields, "reason")
    if not reason.strip():
        return _part_page(request, principal, name, pause_fault="Say why: whoever looks next needs to know.")
    _, is_new = pause(web_of(request).waybill, name, principal.name, reason)
    if not is_new:
        return _part_page(request, principal, name, told=f"{name} was paused before; that pause and its reason stay.")
    _let_views_follow(request)
    return _back_to(name)


@router.post("/operations/parts/{part}/resume")
def resume_part(request: Request, principal: Operator, part: str, fields: Fields) -> Response:
    """Let a part go on, whichever processes run it."""
    name = _named(part)
    if resume(web_of(request).waybill, name, principal.name, text_of(fields, "reason")) is None:
        return _part_page(request, principal, name, told=f"{name} was not paused.")
    _let_views_follow(request)
    return _back_to(name)


@router.post("/operations/parts/{part}/retry")
def retry_part(request: Request, principal: Operator, part: str, fields: Fields) -> Response:
    """Try the parked keys of a projection again."""
    name = _named(part)
    try:
        retried = retry_parked(
            web_of(request).waybill,
            principal.name,
            text_of(fields, "reason"),
            name,
            None,
            seconds=SECONDS_TO_RETRY,
        )
    except (NothingParkedError, PausedError) as e:
        return _part_page(request, principal, name, told=f"{e}.")
    except CheckpointMovedError:
        told = f"{name} is busy with other events, so its parked keys were not reached: try again in a moment."
        return _part_page(request, principal, name, told=told, status=HTTPStatus.CONFLICT)
    _let_views_follow(request)
    failed = sum(not one.resumed for one in retried)
    went_on = f"{len(retried) - failed} of {len(retried)} parked keys went on."
    return _part_page(request, principal, name, told=went_on + (" The others still fail." if failed else ""))


def part_page(request: Request, principal: Principal, part: str, told: str, status: int) -> Response:
    """The page of a part with something to tell."""
    return _part_page(request, principal, _named(part), told=told, status=status)


def _part_page(
    request: Request,
    principal: Principal,
    name: str,
    *,
    told: str = "",
    pause_fault: str = "",
    status: int | None = None,
) -> Response:
    web = web_of(request)
    versions = [one for one in projection_statuses(web.waybill) if one.name == name]
    return page(
        request,
        "part.html",
        principal,
        clocks_of(request),
        status or (HTTPStatus.UNPROCESSABLE_ENTITY if pause_fault else HTTPStatus.OK),
        part=name,
        title=PROCESSES[name][0] if name in PROCESSES else name,
        does=PROCESSES[name][1] if name in PROCESSES else "",
        versions=versions,
        views=[view for view in VIEWS if name in {projection.name for projection in view.projections}],
        pause=web.waybill.pauses().get(name),
        parked=_parked(web.waybill, name),
        rebuilds=[one for one in shown_rebuilds(web.rebuilds) if name in one.projections],
        busy=web.rebuilds.last is not None and web.rebuilds.last.is_running,
        told=told,
        pause_fault=pause_fault,
    )


def _let_views_follow(request: Request) -> None:
    """Each act is an event, which the views pass over."""
    web_of(request).project_briefly(stop_of(request))


def _parked(waybill: Waybill, name: str) -> Sequence[ParkedKey]:
    return () if name in PROCESSES else parked_keys(waybill, name)


def _named(part: str) -> str:
    try:
        return part_named(part)
    except UnknownPartError:
        raise Problem(404, f"{part!r} is no part that can be paused; the parts are {', '.join(PARTS)}") from None


def _back_to(part: str) -> Response:
    return RedirectResponse(part_path(part), HTTPStatus.SEE_OTHER)
