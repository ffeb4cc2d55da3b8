"""The web as a part of a process: the app, its server, and the thread that stores what is posted."""

import socket
from collections.abc import Callable
from threading import Event, Thread

from consumers.ingest.group_commit import GroupCommit
from infra.app.container import Waybill
from infra.signals.pulse import Pulse
from infra.web.app import web_app
from infra.web.context import Web
from infra.web.server import serve


def run_web(
    waybill: Waybill, listener: socket.socket, stop: Event, pulse: Pulse, web_with: Callable[[GroupCommit], Web]
) -> None:
    """Serve until `stop` is set. Then requests that came are answered, and what was posted is stored.

    `web_with` makes what the app stands on, with the intake of this process.
    """
    answered = Event()
    intake, store_posts = waybill.intake(answered, pulse)
    web = web_with(intake)
    web.endpoints.queued = lambda: intake.waiting
    failures: list[BaseException] = []

    def write() -> None:
        try:
            store_posts()
        except BaseException as e:
            failures.append(e)
        finally:
            stop.set()  # nothing can be published any more

    writer = Thread(target=write, name="intake")
    writer.start()
    try:
        serve(web_app(web), listener, stop, waybill.settings.serve_proxies, waybill.settings.serve_threads)
    finally:
        web.rebuilds.close()
        answered.set()
        writer.join()
    if failures:
        raise failures[0]
