"""The web app: routes, errors and static files, put together."""

from pathlib import Path

from fastapi import FastAPI
from fastapi.staticfiles import StaticFiles

from infra.version import waybill_version
from infra.web.api import dead_letters, documents, events, messages, orders, signals, status, stream, views
from infra.web.context import Web
from infra.web.measuring import Measured
from infra.web.pages import (
    account,
    acts,
    letter,
    operations,
    order,
    rebuilds,
    rep,
    search,
    sign_in,
    tables,
    today,
    trends,
)
from infra.web.pages import dead_letters as letter_pages
from infra.web.pages import messages as message_pages
from infra.web.pages.problem import plain_problem, problem_page
from infra.web.problems import tell_problems
from infra.web.security.protection import Protection

STATIC = Path(__file__).parent / "static"

ROUTERS = (
    events.router,
    views.router,
    orders.router,
    status.router,
    dead_letters.router,
    stream.router,
    documents.router,
    acts.router,
    order.router,
    today.router,
    tables.router,
    rep.router,
    account.router,
    trends.router,
    search.router,
    sign_in.router,
    operations.router,
    rebuilds.router,
    letter.router,
    letter_pages.router,
    message_pages.router,
    messages.router,
    signals.router,
)


def web_app(web: Web) -> FastAPI:
    """The app on this service. Its own documentation pages are off: they load scripts from other hosts."""
    app = FastAPI(title="Waybill", version=waybill_version(), docs_url=None, redoc_url=None, openapi_url=None)
    app.state.web = web
    tell_problems(app, problem_page)
    for router in ROUTERS:
        app.include_router(router)
    app.mount("/static", StaticFiles(directory=STATIC), name="static")
    app.add_middleware(Protection, hosts=web.hosts, refuse=plain_problem)
    app.add_middleware(Measured, meter=web.waybill.meter)
    return app
