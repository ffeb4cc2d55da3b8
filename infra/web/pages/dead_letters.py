"""Dead letters: grouped, filtered, and many acted upon at once; and the messages that are held."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from http import HTTPStatus
from typing import Any, NamedTuple
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request, Response

from consumers.contract.writing import instant_text
from infra.app.container import Waybill
from infra.app.dead_letters.choose import CannotChooseError, expect_dead, letters_named
from infra.app.dead_letters.discard import discard, restore
from infra.app.dead_letters.group import GROUPED_BY, LetterGroup, group_letters, merged_groups
from infra.app.dead_letters.redrive import ChangedVerdict, redrive, would_redrive
from infra.queries.dead_letters import UntakenMessage
from infra.serialization import json_text
from infra.web.clocks import Clocks, clocks_of
from infra.web.context import stop_of, web_of
from infra.web.forms import Fields, text_of, texts_of
from infra.web.letter_filters import TEXTS, VERDICTS, LetterChoice, letter_choice, read_by
from infra.web.pages.render import page
from infra.web.problems import Problem
from infra.web.security.guard import Operator, Reader
from infra.web.security.principal import Principal

router = APIRouter(include_in_schema=False)

LISTED = 50
LISTED_AT_ONCE = 20
"""More are grouped first, and listed when asked for or filtered."""
MOST_LISTED = 1_000
MOST_GROUPS = 30
BY = "source,type,reason"
CHANGES_SHOWN = 100
MOST_TRIED = 200
"""A redrive is tried with so many letters before it is confirmed: the trial holds the store's write lock."""
DEAD, HELD = "/operations/dead-letters", "/operations/held"
REDRIVE, DISCARD, RESTORE = "redrive", "discard", "restore"


class Found(NamedTuple):
    """The letters to be listed, how many there are, and the groups of all of them."""

    listed: Sequence[UntakenMessage]
    total: int
    groups: Sequence[LetterGroup]


@router.get(DEAD)
def dead_letters(
    request: Request,
    principal: Reader,
    by: str = Query(BY),
    every: str = Query("", alias="all"),
    limit: int = Query(LISTED, ge=1, le=MOST_LISTED),
) -> Response:
    """The malformed, the refused and those held too long; with `all` also those that are set aside."""
    waybill, clocks = web_of(request).waybill, clocks_of(request)
    now, asked = waybill.clock(), clocks.asked
    choice = _choice(request, waybill)
    everything = bool(every) or choice.is_of_discarded
    kept = waybill.dead_letters
    counts = kept.counts(now, asked.as_of, asked.known_at, wanted=choice.wanted)
    aside = 0 if everything else counts.set_aside
    names = read_by(by)
    if choice.is_of_discarded:
        found = _found(choice.discarded(waybill), names, limit)
    elif choice.is_counted_by_the_store:
        clocks_told = (now, asked.as_of, asked.known_at)
        found = Found(
            kept.dead(*clocks_told, discarded=everything, wanted=choice.wanted, most=limit),
            counts.dead - aside,
            merged_groups(kept.alike_dead(names, *clocks_told, discarded=everything, wanted=choice.wanted), names),
        )
    else:
        all_of_them = kept.dead(now, asked.as_of, asked.known_at, discarded=everything, wanted=choice.wanted)
        found = _found(choice.among(all_of_them), names, limit)
    return _list(request, principal, clocks, choice, found, by, limit, path=DEAD, everything=everything, left_out=aside)


@router.get(HELD)
def held(
    request: Request,
    principal: Reader,
    by: str = Query(BY),
    limit: int = Query(LISTED, ge=1, le=MOST_LISTED),
) -> Response:
    """Messages that wait for something that they name, the longest waiting first."""
    waybill, names = web_of(request).waybill, read_by(by)
    choice, now, kept = _choice(request, waybill), waybill.clock(), waybill.dead_letters
    if choice.is_counted_by_the_store:
        groups = merged_groups(kept.alike_held(names, now, choice.wanted), names)
        found = Found(kept.held(now, choice.wanted, most=limit), kept.count_held(now, choice.wanted), groups)
    else:
        found = _found(choice.among(kept.held(now, choice.wanted)), names, limit)
    return _list(request, principal, clocks_of(request), choice, found, by, limit, path=HELD)


def _found(letters: Sequence[UntakenMessage], by: Sequence[str], limit: int) -> Found:
    """What was found, where a part of the choice is no question to the store."""
    return Found(letters[:limit], len(letters), group_letters(letters, by))


@router.post("/operations/dead-letters/{act}")
def act(request: Request, principal: Operator, act: str, fields: Fields) -> Response:
    """Redrive, discard or restore the named letters, or all that match the filter.

    Without `confirmed`, it shows what would be done. `confirmed` is the digest of the letters that were shown: if other
    letters match now, it shows them instead of acting.
    """
    waybill = web_of(request).waybill
    if act not in (REDRIVE, DISCARD, RESTORE):
        raise Problem(404, f"{act!r} is no act: {REDRIVE}, {DISCARD} or {RESTORE}")
    choice = letter_choice(fields.multi_items(), waybill.settings.zone, waybill.clock())
    named = texts_of(fields, "letter_id")
    letters = _letters(waybill, act, named, choice)
    reason, confirmed = text_of(fields, "reason"), text_of(fields, "confirmed")
    fault = ""
    if confirmed and confirmed != _digest(letters):
        fault = "Other letters match now than were shown: look again before you confirm."
    elif confirmed and act == DISCARD and not reason.strip():
        fault = "Say why: the reason is kept with the letters."
    if not confirmed or fault:
        return _would(request, principal, act, letters, named, choice, reason, fault)
    return _done(request, principal, act, letters, named, choice, reason)


def _digest(letters: Sequence[UntakenMessage]) -> str:
    """Stands for exactly these letters, in whatever order."""
    return hashlib.sha256(json_text(sorted(letter.letter_id for letter in letters)).encode()).hexdigest()


def _letters(waybill: Waybill, act: str, named: Sequence[str], choice: LetterChoice) -> list[UntakenMessage]:
    try:
        if not named:
            if act != REDRIVE and choice.is_all:
                raise Problem(400, "choose some letters, or filter them")
            return choice.discarded(waybill) if act == RESTORE else choice.dead(waybill)
        letters = letters_named(waybill, named)
        if act == DISCARD:
            expect_dead(waybill, letters)
    except CannotChooseError as e:
        raise Problem(400, f"letter_id: {e}") from None
    return letters


def _would(
    request: Request,
    principal: Principal,
    act: str,
    letters: Sequence[UntakenMessage],
    named: Sequence[str],
    choice: LetterChoice,
    reason: str,
    fault: str,
) -> Response:
    # Posts wait while it is tried.
    tried = letters[:MOST_TRIED] if act == REDRIVE else ()
    changed = would_redrive(web_of(request).waybill, tried, principal.name).changed if tried else ()
    return _act_page(
        request,
        principal,
        act,
        letters,
        choice,
        status=HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK,
        done=False,
        named=named,
        changed=changed,
        groups=group_letters(letters, BY.split(",")),
        confirmed=_digest(letters),
        tried=len(tried),
        reason=reason,
        fault=fault,
        unchanged=0,
        undo="",
    )


def _done(
    request: Request,
    principal: Principal,
    act: str,
    letters: Sequence[UntakenMessage],
    named: Sequence[str],
    choice: LetterChoice,
    reason: str,
) -> Response:
    waybill = web_of(request).waybill
    begun, unchanged, done = waybill.clock(), 0, letters
    changed: Sequence[ChangedVerdict] = ()
    ids = [letter.letter_id for letter in letters]
    project = partial(web_of(request).project_briefly, stop_of(request))
    if act == REDRIVE:
        changed = redrive(waybill, letters, principal.name, reason, project=project).changed
    else:
        report = (discard if act == DISCARD else restore)(waybill, ids, principal.name, reason)
        # Each act is an event, which the views pass over.
        project()
        changed_ids = set(report.changed)
        done, unchanged = [letter for letter in letters if letter.letter_id in changed_ids], report.unchanged
    return _act_page(
        request,
        principal,
        act,
        done,
        choice,
        status=HTTPStatus.OK,
        done=True,
        named=named,
        changed=changed,
        groups=group_letters(done, BY.split(",")),
        confirmed="",
        tried=0,
        reason=reason,
        fault="",
        unchanged=unchanged,
        undo=_undo(choice, principal.name, begun) if act == DISCARD and done else "",
    )


def _undo(choice: LetterChoice, operator: str, begun: datetime) -> str:
    """The page of what was discarded just now, from which it can be restored."""
    own = [("discarded_by", operator), ("discarded_since", instant_text(begun))]
    return f"{DEAD}?{urlencode([*choice.given, *own])}"


def _act_page(
    request: Request,
    principal: Principal,
    act: str,
    letters: Sequence[UntakenMessage],
    choice: LetterChoice,
    *,
    status: int,
    changed: Sequence[Any],
    groups: Sequence[LetterGroup],
    **context: Any,
) -> Response:
    return page(
        request,
        "letters_act.html",
        principal,
        clocks_of(request),
        status,
        act=act,
        letters=letters,
        choice=choice,
        changed=changed[:CHANGES_SHOWN],
        changes=len(changed),
        groups=groups[:MOST_GROUPS],
        group_count=len(groups),
        back=f"{DEAD}?{urlencode(choice.given)}" if choice.given else DEAD,
        **context,
    )


def _list(
    request: Request,
    principal: Principal,
    clocks: Clocks,
    choice: LetterChoice,
    found: Found,
    by: str,
    limit: int,
    *,
    path: str,
    everything: bool = False,
    left_out: int = 0,
) -> Response:
    names = read_by(by)
    groups = found.groups

    def address(pairs: Sequence[tuple[str, str]], **more: str) -> str:
        kept = {} if by == BY else {"by": by}
        shown = {"all": "yes"} if everything and not choice.is_of_discarded else {}
        return clocks.link(f"{path}", **{**dict(pairs), **kept, **shown, **more})

    return page(
        request,
        "letters.html",
        principal,
        clocks,
        list_path=path,
        is_held=path == HELD,
        choice=choice,
        texts=TEXTS,
        verdicts=VERDICTS,
        values=dict(choice.given),
        letters=found.listed,
        count=found.total,
        listed=bool(choice.given) or found.total <= LISTED_AT_ONCE or "limit" in request.query_params,
        limit=limit,
        most=MOST_LISTED,
        by=by,
        names=names,
        grouped_by=GROUPED_BY,
        groups=[(group, address(choice.of_group(group, names))) for group in groups[:MOST_GROUPS]],
        group_count=len(groups),
        everything=everything,
        left_out=left_out,
        address=address,
        chips=[(name, value, address(choice.but(name))) for name, value in choice.given],
        acts=not clocks.asked.as_of and not clocks.asked.known_at,
    )


def _choice(request: Request, waybill: Waybill) -> LetterChoice:
    return letter_choice(request.query_params.multi_items(), waybill.settings.zone, waybill.clock())
