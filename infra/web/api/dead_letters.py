"""Dead letters over HTTP: listed, grouped, shown, redriven and discarded, as `waybill dead-letters` does."""

from datetime import datetime
from functools import partial
from typing import Any, NamedTuple

from fastapi import APIRouter, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from infra.app.container import Waybill
from infra.app.dead_letters.choose import CannotChooseError, expect_dead
from infra.app.dead_letters.discard import discard
from infra.app.dead_letters.group import GROUPED_BY, merged_groups
from infra.app.dead_letters.redrive import redrive, would_redrive
from infra.app.dead_letters.show import LetterGoneError, find_letters, show_letter
from infra.queries.dead_letters import UntakenMessage
from infra.queries.view_cursors import CURSOR, Cursor, cursor_text, digest_of, read_cursor, values_of
from infra.queries.view_filters import WrongQueryError
from infra.web.api.answers import json_answer
from infra.web.api.describing import (
    AGE,
    CLOCKS,
    FLAG,
    INSTANT,
    TEXT,
    WHEN,
    json_of,
    nullable,
    parameter,
    problems,
    record,
)
from infra.web.context import stop_of, web_of
from infra.web.letter_filters import VERDICTS, letter_choice, read_by
from infra.web.parameters import Parameters
from infra.web.problems import Problem
from infra.web.security.guard import Operator, Reader

router = APIRouter(prefix="/v1/dead-letters", tags=["dead letters"])

PAGE, MOST_LETTERS, NEAREST = 100, 10_000, 3
LONGEST_REASON = 1_000

_STRING = {"type": "string"}
_SINCE = {"anyOf": [*WHEN["anyOf"], AGE]}
_LETTER = record(
    {
        "letter_id": _STRING,
        "verdict": {"type": "string", "enum": list(VERDICTS)},
        "reason": _STRING,
        **{name: nullable(_STRING) for name in ("subject", "type", "source", "id")},
        "topic": _STRING,
        "partition": {"type": "integer"},
        "offset": {"type": "integer"},
        "seen_at": INSTANT,
        "discarded_at": nullable(INSTANT),
    }
)
_GROUP = record(
    {
        **{name: nullable(_STRING) for name in GROUPED_BY},
        "letters": {"type": "integer"},
        "oldest": INSTANT,
        "newest": INSTANT,
        "example": _STRING,
        "example_reason": _STRING,
    },
    optional=GROUPED_BY,
)
_LIST = record(
    {
        "letters": {"type": "array", "items": _LETTER},
        "groups": {"type": "array", "items": _GROUP, "description": "In place of the letters, with `by`."},
        "next": nullable(_STRING) | {"description": "The cursor of the next page of letters; null after the last."},
        "total": {"type": "integer", "description": "How many letters match; those set aside count with all=true."},
        "set_aside": {"type": "integer", "description": "How many of the matching ones are set aside."},
    },
    optional=("letters", "groups", "next"),
)
_CHANGED = record(
    {
        **{name: nullable(_STRING) for name in ("letter_id", "subject", "type", "source", "id")},
        **dict.fromkeys(("before", "after", "reason"), _STRING),
    }
)
_REDRIVEN = record(
    {
        "letters": {"type": "integer"},
        "dry_run": {"type": "boolean"},
        "changed": {"type": "array", "items": _CHANGED, "description": "The verdicts that changed."},
    }
)
_DISCARDED = record(
    {
        "discarded": {"type": "array", "items": _STRING},
        "unchanged": {"type": "integer", "description": "Whether it was set aside before."},
        "dry_run": {"type": "boolean"},
    }
)
_FILTERS = [
    *(parameter(name, f"Only letters of this {name}.", TEXT) for name in ("subject", "source", "type", "topic")),
    parameter("matching", "Only letters whose reason contains this text.", TEXT),
    parameter("verdict", "Only letters with this verdict.", {"type": "string", "enum": list(VERDICTS)}),
    parameter("older_than", "Only letters seen longer ago, such as 12h or 3d.", AGE),
    parameter("since", "Only letters seen at this instant or later; an age means so long ago.", _SINCE),
    parameter("until", "Only letters seen before this instant; an age means so long ago.", _SINCE),
]
_FILTER_NAMES = [one["name"] for one in _FILTERS]
_OF_THE_LIST = [
    *_FILTERS,
    *CLOCKS,
    parameter(
        "by",
        f"Count them by some of {', '.join(GROUPED_BY)}, separated by commas.",
        {"type": "string", "pattern": f"^({'|'.join(GROUPED_BY)})(,({'|'.join(GROUPED_BY)}))*$"},
        "source,type,reason",
    ),
    parameter("all", "Also those that are set aside: voided, discarded or superseded.", FLAG),
    parameter(
        "limit",
        f"How many letters or groups, {PAGE} unless given.",
        {"type": "integer", "minimum": 1, "maximum": MOST_LETTERS},
    ),
    parameter(CURSOR, "`next` of the page before, with the same query.", TEXT),
]
_KNOWN = [one["name"] for one in _OF_THE_LIST]
_DRY_RUN = {"parameters": [parameter("dry_run", "Only tell what would change; nothing is stored.", FLAG)]}
_SAID = "^[^\\x00]*$"
_SAYS_WHY = "^[^\\x00]*[^\\s\\x00][^\\x00]*$"


class Redriving(BaseModel):
    """The body of a redrive, which may be left out."""

    model_config = ConfigDict(extra="forbid")

    reason: str = Field("", max_length=LONGEST_REASON, pattern=_SAID, description="Why, if you want to record it.")


class Discarding(BaseModel):
    """The body of a discard."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"example": {"reason": "a test of theirs"}})

    reason: str = Field(max_length=LONGEST_REASON, pattern=_SAYS_WHY, description="Why; it is kept with the act.")


@router.get(
    "",
    summary="The dead letters",
    response_class=Response,
    responses={200: json_of(_LIST), **problems(400)},
    openapi_extra={"parameters": _OF_THE_LIST},
)
def list_letters(request: Request, principal: Reader) -> Response:
    """The malformed, the refused, and those held too long, the oldest first; with `by`, how many of each kind."""
    waybill, given = web_of(request).waybill, Parameters(request)
    as_of, known_at = given.instant("as_of"), given.instant("known_at")
    by, everything = given.text("by"), given.flag("all")
    fields = None if by is None else read_by(by)
    limit = given.whole("limit", 1, MOST_LETTERS) or PAGE
    pairs = [(name, given.text(name)) for name in _FILTER_NAMES]
    digest = digest_of("dead_letters", as_of, known_at, everything, pairs)
    begun = _begun(given.text(CURSOR), digest, by)
    # Ages are counted from the clock of the first page.
    now = waybill.clock() if begun is None else begun.instant
    wanted = letter_choice(pairs, waybill.settings.zone, now).wanted
    given.expect_no_more(_KNOWN)
    kept = waybill.dead_letters
    counts = kept.counts(now, as_of, known_at, wanted=wanted)
    told: dict[str, Any]
    if fields is None:
        after = None if begun is None else begun.letter
        # One more than the page has, to know whether there is another page.
        found = kept.dead(now, as_of, known_at, discarded=everything, wanted=wanted, most=limit + 1, after=after)
        letters, last = found[:limit], found[limit - 1] if len(found) > limit else None
        following = None if last is None else cursor_text(Cursor(digest, now, [last.seen_at, last.letter_id]))
        told = {"letters": [letter._asdict() for letter in letters], "next": following}
    else:
        alike = kept.alike_dead(fields, now, as_of, known_at, discarded=everything, wanted=wanted)
        told = {"groups": [group.row(fields) for group in merged_groups(alike, fields)[:limit]]}
    total = counts.dead if everything else counts.dead - counts.set_aside
    return json_answer({**told, "total": total, "set_aside": counts.set_aside})


class _Begun(NamedTuple):
    """Where the next page begins: after a letter, by its `seen_at` and id. `instant`: the clock of the first page."""

    instant: datetime
    letter: tuple[datetime, str]


def _begun(cursor: str | None, digest: str, by: str | None) -> _Begun | None:
    """The page before, by its cursor. Raises WrongQueryError."""
    if cursor is None:
        return None
    if by is not None:
        raise WrongQueryError(CURSOR, "groups come on one page; leave it out, or leave out `by`")
    begun = read_cursor(cursor)
    if begun.query != digest:
        raise WrongQueryError(CURSOR, "it belongs to another query; give it with the same filters and clocks")
    seen_at, letter_id = values_of(begun, datetime, str)
    return _Begun(begun.instant, (seen_at, letter_id))


@router.post(
    "/{letter_id:path}/redrive",
    summary="Redrive a dead letter",
    response_class=Response,
    responses={200: json_of(_REDRIVEN), **problems(400, 404)},
    openapi_extra=_DRY_RUN,
)
def redrive_letter(request: Request, principal: Operator, letter_id: str, body: Redriving | None = None) -> Response:
    """Settle its subject again by today's rules, or read a malformed one again; tells which verdicts changed."""
    waybill, dry_run = web_of(request).waybill, _dry_run(request)
    letters = [_letter(waybill, letter_id)]
    if dry_run:
        report = would_redrive(waybill, letters, principal.name)
    else:
        project = partial(web_of(request).project_briefly, stop_of(request))
        report = redrive(waybill, letters, principal.name, body.reason if body else "", project=project)
    changed = [one._asdict() for one in report.changed]
    return json_answer({"letters": report.letters, "dry_run": dry_run, "changed": changed})


@router.post(
    "/{letter_id:path}/discard",
    summary="Discard a dead letter",
    response_class=Response,
    responses={200: json_of(_DISCARDED), **problems(400, 404, 409)},
    openapi_extra=_DRY_RUN,
)
def discard_letter(request: Request, principal: Operator, letter_id: str, body: Discarding) -> Response:
    """Set a dead letter aside: it stays in the books and leaves the lists."""
    waybill, dry_run = web_of(request).waybill, _dry_run(request)
    found = _letter(waybill, letter_id)
    try:
        expect_dead(waybill, [found])
    except CannotChooseError as e:
        raise Problem(409, str(e)) from None
    if dry_run:
        changed = [found.letter_id] if found.discarded_at is None else []
    else:
        changed = [*discard(waybill, [found.letter_id], principal.name, body.reason).changed]
        # Each act is an event, which the views pass over.
        web_of(request).project_briefly(stop_of(request))
    return json_answer({"discarded": changed, "unchanged": 1 - len(changed), "dry_run": dry_run})


@router.get(
    "/{letter_id:path}",
    summary="One dead letter",
    response_class=Response,
    responses={200: json_of({"type": "object", "required": ["letter_id", "verdict", "body"]}), **problems(400, 404)},
)
def letter(request: Request, principal: Reader, letter_id: str) -> Response:
    """One message that was not taken: what was received, what is wrong, and what a redrive would make of it."""
    if letter_id.endswith(("/redrive", "/discard")):
        raise Problem(405, "this is done with POST", headers={"Allow": "POST"})
    waybill = web_of(request).waybill
    Parameters(request).expect_no_more(())
    found = _letter(waybill, letter_id)
    try:
        return json_answer(show_letter(waybill, found).fields())
    except LetterGoneError as e:
        raise Problem(404, str(e)) from e


def _dry_run(request: Request) -> bool:
    given = Parameters(request)
    dry_run = given.flag("dry_run")
    given.expect_no_more(("dry_run",))
    return dry_run


def _letter(waybill: Waybill, letter_id: str) -> UntakenMessage:
    """The letter with exactly this id. Raises Problem (404), which names those whose ids begin so."""
    found = [] if "\0" in letter_id else waybill.dead_letters.by_ids([letter_id])
    if not found:
        begin = [] if "\0" in letter_id or not letter_id else find_letters(waybill, letter_id)
        near = ", ".join(one.letter_id for one in begin[:NEAREST])
        raise Problem(404, f"no dead letter has the id {letter_id}" + (f"; there are {near}" if near else ""))
    return found[0]
