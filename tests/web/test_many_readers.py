"""given more readers than threads, then those who publish and those who watch the service are answered all the same."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack
from threading import Event
from typing import Any

import httpx
import pytest

from infra.store import engine
from infra.web import position_waits
from infra.web.api import events
from infra.web.api.cloud_events import BATCHED
from tests.integration.messages import placed
from tests.stores.conftest import StoreUrl
from tests.web.conftest import Served, served_web
from tests.web.test_events import EARLY, PROMISE, post

THREADS, READERS = 2, 12


def wait_for_order(web: Served, seconds: int = 60) -> httpx.Response:
    """Ask for the orders once the first event is in the view."""
    return web.client.get(f"/v1/views/orders?min_position=1&wait={seconds}", timeout=60)


def eventually(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < until, "it never became so"
        time.sleep(0.01)


def test_however_many_readers_wait_for_a_position_posts_and_healthz_are_answered(new_store: StoreUrl) -> None:
    with served_web(new_store(), serve_threads=THREADS) as web, ThreadPoolExecutor(READERS) as readers:
        waiting: list[Future[httpx.Response]] = [readers.submit(wait_for_order, web) for _ in range(READERS)]
        eventually(lambda: web.web.position_waits.waiting == READERS)

        assert web.client.get("/healthz").status_code == 200
        assert post(web, placed("SO-1", EARLY, PROMISE)).status_code == 200
        assert web.client.get("/v1/status").status_code == 200
        assert not any(one.done() for one in waiting)

        web.waybill.project()
        answers = [one.result() for one in waiting]

    assert {answer.status_code for answer in answers} == {200}
    assert all([row["order_id"] for row in answer.json()["rows"]] == ["SO-1"] for answer in answers)


def test_one_reader_too_many_is_told_to_come_back(sqlite_web: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(position_waits, "MOST_WAITING", 1)
    with ThreadPoolExecutor(1) as readers:
        waiting = readers.submit(wait_for_order, sqlite_web)
        eventually(lambda: sqlite_web.web.position_waits.waiting == 1)

        told = wait_for_order(sqlite_web)
        post(sqlite_web, placed("SO-1", EARLY, PROMISE))
        sqlite_web.waybill.project()

        assert told.status_code == 503 and int(told.headers["retry-after"]) > 0
        assert "min_position" in told.json()["detail"]
        assert waiting.result().status_code == 200


def test_readers_who_wait_are_told_when_the_service_stops(sqlite_store: StoreUrl) -> None:
    with ThreadPoolExecutor(1) as readers:
        with served_web(sqlite_store()) as web:
            waiting = readers.submit(wait_for_order, web)
            eventually(lambda: web.web.position_waits.waiting == 1)
        told = waiting.result()

    assert told.status_code == 503 and "stopping" in told.json()["detail"]


def test_a_reader_who_leaves_waits_no_longer(sqlite_web: Served) -> None:
    with pytest.raises(httpx.ReadTimeout):
        httpx.get(f"{sqlite_web.url}/v1/views/orders?min_position=1&wait=60", timeout=0.3)

    eventually(lambda: sqlite_web.web.position_waits.waiting == 0)


def test_while_a_large_batch_is_read_others_are_answered(sqlite_web: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = Event(), Event()
    check = events.check_source

    def slow(*arguments: Any) -> None:
        begun.set()
        go_on.wait(30)
        check(*arguments)

    monkeypatch.setattr(events, "check_source", slow)
    orders = [placed(f"SO-{number}", EARLY, PROMISE) for number in range(3)]
    with ThreadPoolExecutor(1) as publishers:
        posted = publishers.submit(sqlite_web.client.post, "/v1/events", json=orders, headers={"Content-Type": BATCHED})
        assert begun.wait(30)

        assert sqlite_web.client.get("/healthz", timeout=5).status_code == 200
        assert not posted.done()
        go_on.set()

    assert [told["verdict"] for told in posted.result().json()] == ["applied"] * 3


def test_when_every_thread_reads_with_two_connections_the_intake_still_has_one(new_store: StoreUrl) -> None:
    with served_web(new_store(), serve_threads=10) as web, ExitStack() as readers:
        for _ in range(10 * engine.CONNECTIONS_A_THREAD):
            readers.enter_context(web.waybill.engine.connect())

        assert post(web, placed("SO-1", EARLY, PROMISE)).status_code == 200


def test_without_a_free_connection_posts_and_questions_are_503_and_each_post_is_tried_once(
    new_store: StoreUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "SECONDS_FOR_A_CONNECTION", 0.2)
    monkeypatch.setattr("infra.app.container.SECONDS_TO_RETRY_POSTS", 0.1)
    store = new_store()
    with served_web(store, serve_threads=THREADS) as web, ThreadPoolExecutor(3) as clients:
        with ExitStack() as readers:
            for _ in range(engine.connections_for(THREADS)):
                readers.enter_context(web.waybill.engine.connect())
            posted = [clients.submit(post, web, placed(f"SO-{number}", EARLY, PROMISE)) for number in range(3)]
            asked = web.client.get("/v1/messages/%2Fcrm/O-1")
            shown = web.client.get("/orders", headers={"Accept": "text/html"})
            wait(posted)

        assert [answer.status_code for answer in (asked, shown)] == [503, 503]
        assert [one.result().status_code for one in posted] == [503, 503, 503]
        assert all(int(one.result().headers["retry-after"]) > 0 for one in posted)
        assert post(web, placed("SO-1", EARLY, PROMISE)).status_code == 200
