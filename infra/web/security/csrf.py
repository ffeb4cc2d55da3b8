"""CSRF tokens: an unsafe request that a browser may send without its user's will proves that a page of ours made it.

Forms carry the token in the field `csrf_token` (in templates: `{{ csrf_field() }}`), scripts in the header
`X-CSRF-Token`. A program that sends its key with each request needs none: no other site knows the key.
"""

import hashlib
import hmac
import secrets

from fastapi import Request
from markupsafe import Markup

from infra.web.problems import Problem
from infra.web.security.hosts import SAFE_METHODS
from infra.web.security.principal import Principal

FIELD, HEADER = "csrf_token", "X-CSRF-Token"
FORMS = ("application/x-www-form-urlencoded", "multipart/form-data")
API = "/v1/"
"""Where the paths begin that programs use, and no form."""
SENT_BY_ANY_PAGE = (*FORMS, "text/plain")
"""The content types that a browser sends to another site without asking that site first."""


class CsrfTokens:
    """Makes and checks the token of a session."""

    def __init__(self, secret: bytes | None = None):
        self._secret = secret or secrets.token_bytes(32)

    def token(self, session: str) -> str:
        return hmac.new(self._secret, f"csrf:{session}".encode(), hashlib.sha256).hexdigest()

    def fits(self, session: str, token: str) -> bool:
        return hmac.compare_digest(self.token(session).encode(), token.encode())

    def field(self, session: str) -> Markup:
        """The hidden field of a form."""
        return Markup('<input type="hidden" name="{}" value="{}">').format(FIELD, self.token(session))


async def check_token(request: Request, principal: Principal, tokens: CsrfTokens) -> None:
    """Expect the token of an unsafe request that a browser may have sent.

    Raises Problem (403), or 415 for a program that sends the API what forms send.
    """
    if request.method in SAFE_METHODS or principal.session is None:
        return
    token: object = request.headers.get(HEADER)
    if token is None and content_type(request) in FORMS:
        token = (await request.form()).get(FIELD)
    if not (isinstance(token, str) and tokens.fits(principal.session, token)):
        if request.url.path.startswith(API) and content_type(request) in SENT_BY_ANY_PAGE:
            raise Problem(
                415,
                f"content-type: must not be {content_type(request)}, which forms send; send application/json, or for "
                "messages application/cloudevents+json",
            )
        raise Problem(403, f"{FIELD}: missing or out of date; load the page again and send its form")


def is_from_a_browser(request: Request) -> bool:
    """Whether a page may have sent this: it has what browsers add, or a form's content type.

    A browser of today sends Origin with every unsafe request. An older one sends another site only what forms send.
    """
    marks = ("origin", "sec-fetch-site", "cookie")
    return any(mark in request.headers for mark in marks) or content_type(request) in SENT_BY_ANY_PAGE


def content_type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()
