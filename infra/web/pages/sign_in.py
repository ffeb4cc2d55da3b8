"""Sign in with a key, and sign out."""

import secrets
from http import HTTPStatus
from typing import Annotated
from urllib.parse import urlencode, urlsplit

from fastapi import APIRouter, Form, Request, Response
from fastapi.responses import RedirectResponse

from infra.app.api_key import key_of
from infra.store.keys import Role
from infra.web.context import web_of
from infra.web.pages.render import plain_page
from infra.web.problems import Problem
from infra.web.security.csrf import FIELD
from infra.web.security.guard import Anyone
from infra.web.security.public import SIGN_IN, SIGN_OUT
from infra.web.security.security import Security

router = APIRouter(include_in_schema=False)

SIGNING_IN = "waybill-signing-in"
"""The cookie that ties the form to the browser that got it, so that no other page signs somebody in."""
MOST_CHARACTERS = 2_000


def sign_in_link(request: Request) -> str:
    """The sign-in page, which leads back to the page of this request."""
    if request.method != "GET":
        return SIGN_IN
    # As it was sent: an id may contain an encoded slash.
    path = request.scope["raw_path"].decode("ascii", "replace")
    wanted = path + (f"?{request.url.query}" if request.url.query else "")
    return SIGN_IN if wanted == "/" else f"{SIGN_IN}?{urlencode({'next': safe_next(wanted)})}"


def safe_next(wanted: str) -> str:
    """The page to go to after the sign-in: one of this server's own, whatever the address asks for."""
    try:
        url = urlsplit(wanted)
    except ValueError:
        return "/"
    is_ours = not url.scheme and not url.netloc and wanted.startswith("/") and not wanted.startswith("//")
    # Browsers read a backslash as a slash, and leave out tabs and line ends.
    is_plain = wanted.isascii() and wanted.isprintable() and "\\" not in wanted and " " not in wanted
    if not (is_ours and is_plain and len(wanted) <= MOST_CHARACTERS) or url.path in (SIGN_IN, SIGN_OUT):
        return "/"
    return wanted


@router.get(SIGN_IN)
def form(request: Request) -> Response:
    """The form to sign in; whoever is signed in already is led on."""
    wanted = safe_next(request.query_params.get("next", "/"))
    if _is_signed_in(request):
        return RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    return _page(request, wanted)


@router.post(SIGN_IN)
def sign_in(
    request: Request,
    key: Annotated[str, Form()] = "",
    next: Annotated[str, Form()] = "/",
    csrf_token: Annotated[str, Form()] = "",
) -> Response:
    """Begin a session of the key, and lead to the page that was wanted; or the form again, with what is wrong."""
    security, wanted = _security(request), safe_next(next)
    nonce = request.cookies.get(SIGNING_IN, "")
    if not nonce or not security.csrf.fits(_of_form(nonce), csrf_token):
        return _page(request, wanted, 403, "This form was out of date. Try again.")
    try:
        stored = security.proven(request, key_of(key.strip()))
    except Problem as problem:
        why = (
            "This key does not work. It may be revoked or expired."
            if problem.status == HTTPStatus.UNAUTHORIZED
            else f"{problem.detail.capitalize()}."
        )
        return _page(request, wanted, problem.status, why, problem.headers)
    if not {Role.READ, Role.OPERATE} & set(stored.roles):
        return _page(request, wanted, 403, "This key may publish only. The pages need a key with the role read.")
    answer = RedirectResponse(wanted, HTTPStatus.SEE_OTHER)
    security.sign_in(request, answer, stored)
    answer.delete_cookie(SIGNING_IN, path=SIGN_IN)
    return answer


@router.post(SIGN_OUT)
def sign_out(request: Request, principal: Anyone) -> Response:
    """End the session, and lead to the sign-in page."""
    answer = RedirectResponse(SIGN_IN, HTTPStatus.SEE_OTHER)
    _security(request).sign_out(request, answer)
    return answer


def _page(
    request: Request, wanted: str, status: int = 200, fault: str = "", headers: dict[str, str] | None = None
) -> Response:
    security = _security(request)
    nonce = request.cookies.get(SIGNING_IN) or secrets.token_hex(16)
    token = security.csrf.token(_of_form(nonce))
    answer = plain_page(
        "sign_in.html",
        status,
        headers or {},
        next=wanted,
        fault=fault,
        field=FIELD,
        token=token,
        has_keys=security.has_keys(),
    )
    https = request.url.scheme == "https"
    answer.set_cookie(SIGNING_IN, nonce, path=SIGN_IN, secure=https, httponly=True, samesite="strict")
    return answer


def _is_signed_in(request: Request) -> bool:
    try:
        return web_of(request).authenticate(request) is not None
    except Problem:
        return False


def _of_form(nonce: str) -> str:
    return f"signing-in:{nonce}"


def _security(request: Request) -> Security:
    security = web_of(request).security
    if security is None:
        raise Problem(404, "nobody signs in here")
    return security
