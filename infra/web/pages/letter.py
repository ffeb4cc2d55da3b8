"""A dead letter or held message, whole: what was received, what is wrong, its order then, its verdict now; its edit."""

from functools import partial
from http import HTTPStatus
from typing import Any
from urllib.parse import quote_plus

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from consumers.contract.fields import FieldError
from infra.app.container import Waybill
from infra.app.dead_letters.choose import CannotChooseError, letters_named
from infra.app.dead_letters.edit import CannotEditError, Edited, WrongReplacementError, do_edit, plan_edit, would_edit
from infra.app.dead_letters.show import LetterGoneError, ShownLetter, show_letter
from infra.marked_json import MarkedLine, marked_lines
from infra.queries.letter_contents import is_malformed
from infra.serialization import json_text, text_and_base64
from infra.web.clocks import clocks_of
from infra.web.context import stop_of, web_of
from infra.web.forms import Fields, text_of
from infra.web.pages.links import letter_path
from infra.web.pages.render import page
from infra.web.problems import Problem
from infra.web.security.guard import Operator, Reader
from infra.web.security.principal import Principal
from infra.web.security.protection import MOST_BYTES

router = APIRouter(include_in_schema=False)

LONGEST_BODY = 100_000
"""How many characters of a message the page shows. `waybill dead-letters export` has all of it."""
BYTES_FOR_OTHER_FIELDS = 16 * 1024
"""Of a form's body, besides the message: the reason, and what a correction adds to the message."""
CHECK = "check"


@router.get("/operations/dead-letters/letter")
def letter(request: Request, principal: Reader, id: str = Query()) -> Response:
    """The letter with this id; its beginning is enough, and leads to the whole."""
    shown = _shown(web_of(request).waybill, id.strip())
    if shown.message.letter_id != id:
        return RedirectResponse(letter_path(shown.message.letter_id), HTTPStatus.SEE_OTHER)
    return _letter_page(request, principal, shown)


@router.post("/operations/dead-letters/letter/edit")
def edit(request: Request, principal: Operator, fields: Fields) -> Response:
    """Take a corrected copy of the letter; with the act `check` only say what would become of it."""
    waybill = web_of(request).waybill
    shown = _shown(waybill, text_of(fields, "letter_id"))
    document, reason = text_of(fields, "document"), text_of(fields, "reason")
    checks = text_of(fields, "act") == CHECK
    edited: Edited | None = None
    fault = "" if checks or reason.strip() else "reason: must say why; it is kept with the act"
    if not fault:
        try:
            plan = plan_edit(waybill, shown.message, (), document.encode(errors="surrogatepass"), principal.name)
            if checks:
                edited = would_edit(waybill, plan)
            else:
                project = partial(web_of(request).project_briefly, stop_of(request))
                edited = do_edit(waybill, plan, principal.name, reason, project)
        except WrongReplacementError as e:
            fault = f"the text {e.problem}"
        except (CannotEditError, FieldError) as e:
            fault = str(e)
    if edited is not None and not checks:
        shown = _shown(waybill, shown.message.letter_id) if _is_kept(waybill, shown) else shown
    status = HTTPStatus.UNPROCESSABLE_ENTITY if fault else HTTPStatus.OK
    return _letter_page(
        request,
        principal,
        shown,
        status,
        document=document,
        reason=reason,
        fault=fault,
        edited=edited,
        is_done=edited is not None and not checks,
    )


def _is_kept(waybill: Waybill, shown: ShownLetter) -> bool:
    """Whether it is a letter still: a refused message that was edited is voided, and may be listed no more."""
    return bool(waybill.dead_letters.by_ids([shown.message.letter_id]))


def _shown(waybill: Waybill, letter_id: str) -> ShownLetter:
    try:
        (found,) = letters_named(waybill, [letter_id])
        return show_letter(waybill, found)
    except CannotChooseError as e:
        raise Problem(404, f"id: {e}") from None
    except LetterGoneError as e:
        raise Problem(404, f"{e}: it was taken meanwhile") from None


def _letter_page(
    request: Request, principal: Principal, shown: ShownLetter, status: int = 200, **edit: Any
) -> Response:
    body, in_base64 = text_and_base64(shown.content.body)
    lines, is_cut = _lines(shown, body)
    editable = _editable(shown, body)
    return page(
        request,
        "letter.html",
        principal,
        clocks_of(request),
        status,
        shown=shown,
        letter=shown.message,
        is_malformed=is_malformed(shown.message),
        lines=lines,
        is_cut=is_cut,
        is_too_long_to_edit=_bytes_sent(editable) > MOST_BYTES - BYTES_FOR_OTHER_FIELDS,
        in_base64=in_base64 is not None,
        headers=[(name, text_and_base64(value)[0]) for name, value in shown.content.headers],
        timeline=() if shown.order is None else shown.order.timeline,
        **{
            "document": editable,
            "reason": "",
            "fault": "",
            "edited": None,
            "is_done": False,
            **edit,
        },
    )


def _lines(shown: ShownLetter, body: str) -> tuple[list[MarkedLine], bool]:
    """The message line by line, the fields at fault marked; as it came where it is not JSON. Also whether it is cut."""
    if shown.document is None:
        return [MarkedLine(body[:LONGEST_BODY], None)], len(body) > LONGEST_BODY
    lines: list[MarkedLine] = []
    left = LONGEST_BODY
    for line in marked_lines(shown.document, shown.faults):
        if left <= 0:
            return lines, True
        lines.append(line._replace(text=line.text[:left]))
        left -= len(line.text)
    return lines, left < 0


def _bytes_sent(document: str) -> int:
    """How many bytes a browser sends of this text in a form, in which each line ends with CR and LF."""
    return len(quote_plus(document.replace("\n", "\r\n"), errors="surrogatepass"))


def _editable(shown: ShownLetter, body: str) -> str:
    return body if shown.document is None else json_text(shown.document, indent=2)
