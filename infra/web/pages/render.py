"""Rendering of pages with Jinja.

Everything is escaped; control characters and marks that reorder text are written out.
"""

from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from consumers.contract.writing import instant_text
from infra.printable import printable
from infra.web.clocks import Clocks
from infra.web.security.principal import Principal

TEMPLATES = Path(__file__).parent.parent / "templates"
HTML = "text/html; charset=utf-8"


def _shown(value: Any) -> Any:
    """A value in a page: instants as <time> elements, which static/times.js writes in the viewer's zone."""
    if value is None:
        return ""
    if isinstance(value, Markup):
        return value
    if isinstance(value, datetime):
        text = instant_text(value)
        return Markup('<time datetime="{0}" title="{0}">{1}</time>').format(text, text.replace("T", " "))
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


def page(
    request: Request, template: str, principal: Principal | None, clocks: Clocks, status: int = 200, **context: Any
) -> Response:
    """A page of this template, which extends base.html."""
    html = environment.get_template(template).render(
        request=request, path=request.url.path, principal=principal, clocks=clocks, **context
    )
    return Response(html, status, media_type=HTML)
