"""Rendering of pages with Jinja.

Everything is escaped; control characters and marks that reorder text are written out.
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined, pass_context
from jinja2.runtime import Context
from markupsafe import Markup, escape

from consumers.contract.writing import instant_text
from infra.printable import printable
from infra.serialization import json_text
from infra.web.clocks import Clocks
from infra.web.context import web_of
from infra.web.deadlines import Deadline, as_column, day_ended_by, deadline
from infra.web.pages.field_words import changes_in_words, field_words
from infra.web.pages.frame import frame_of
from infra.web.pages.links import (
    account_path,
    letter_path,
    message_path,
    order_path,
    own_path,
    part_path,
    rep_path,
)
from infra.web.pages.timeline_symbols import path_of, symbol_of
from infra.web.pages.words import (
    growth_text,
    late_step,
    money_text,
    percent_text,
    plain_amount,
    plain_words,
    readable_instant,
    span_text,
)
from infra.web.security.principal import Principal

TEMPLATES = Path(__file__).parent.parent / "templates"
HTML = "text/html; charset=utf-8"


@pass_context
def _shown(context: Context, value: Any) -> Any:
    """A value in a page: instants as <time> elements, which static/times.js writes in the viewer's zone.

    A deadline that is the end of a day in the business zone, `zone` of the context, is shown as that day.
    """
    if value is None:
        return ""
    if isinstance(value, Markup):
        return value
    if isinstance(value, Deadline) and (day := day_ended_by(value, str(context.get("zone") or "UTC"))) is not None:
        exact = instant_text(value)
        return Markup('<time datetime="{0}" data-end-of="{1}" title="{0}">end of {1}</time>').format(exact, day)
    if isinstance(value, datetime):
        text = instant_text(value)
        return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(text, readable_instant(value))
    if isinstance(value, Decimal):
        return format(value, "f")
    if isinstance(value, bool):
        return "yes" if value else "no"
    return escape(printable(str(value)))


environment = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    finalize=_shown,
)


def _json_block(value: Any) -> Markup:
    """A JSON document for a <script type="application/json">: nothing in it can end the element."""
    return Markup(json_text(value).replace("<", "\\u003c"))


def _exact(value: str) -> Markup:
    """Text for the value of a field that comes back as it is, so that it names the same.

    What is not printable is a character reference: it reorders nothing in the page.
    """
    escaped = str(escape(value.encode("utf-8", "replace").decode()))
    return Markup("".join(char if char.isprintable() or char == "\n" else f"&#{ord(char)};" for char in escaped))


environment.filters.update(
    changes_in_words=changes_in_words,
    deadline=deadline,
    field_words=field_words,
    exact=_exact,
    json_block=_json_block,
    late_step=late_step,
    money=money_text,
    number="{:,}".format,
    growth=growth_text,
    percent=percent_text,
    plain_amount=plain_amount,
    plain_words=plain_words,
    span=span_text,
    tl_path=path_of,
    tl_shape=lambda kind: symbol_of(kind).shape,
    utc=lambda instant: "" if instant is None else instant_text(instant),
)
environment.globals.update(
    as_column=as_column,
    account_path=account_path,
    letter_path=letter_path,
    message_path=message_path,
    order_path=order_path,
    part_path=part_path,
    rep_path=rep_path,
)


def page(
    request: Request, template: str, principal: Principal | None, clocks: Clocks, status: int = 200, **context: Any
) -> Response:
    """A page of this template, which extends base.html; the template sees `frame`, `clocks` and `principal`.

    Each form that posts has `{{ csrf_field() }}`.
    """
    html = environment.get_template(template).render(
        request=request,
        path=own_path(request),
        principal=principal,
        clocks=clocks,
        frame=frame_of(request, clocks, principal),
        zone=web_of(request).waybill.settings.time_zone,
        csrf_field=lambda: _csrf_field(request, principal),
        can_sign_out=principal is not None and principal.session is not None and principal.key_id is not None,
        **context,
    )
    return Response(html, status, media_type=HTML)


def part(template: str, clocks: Clocks, **context: Any) -> Response:
    """A part of a page, which a script puts into its place."""
    return Response(environment.get_template(template).render(clocks=clocks, **context), media_type=HTML)


def plain_page(template: str, status: int, headers: Mapping[str, str], **context: Any) -> Response:
    """A page of this template, which extends plain.html: for people of whom nothing is known. It asks no store."""
    html = environment.get_template(template).render(**context)
    return Response(html, status, dict(headers), media_type=HTML)


def _csrf_field(request: Request, principal: Principal | None) -> Markup:
    """The token of this principal's forms; nothing for one who needs none."""
    session = None if principal is None else principal.session
    return Markup() if session is None else web_of(request).csrf.field(session)
