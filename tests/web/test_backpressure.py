"""given a store that is busy or away, then those who post are told to come back, and nothing is half done."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor, as_completed

import pytest

from infra.app import container
from infra.app.status import read_status
from tests.fault.postgres_server import crashing_server
from tests.integration.messages import placed
from tests.stores.conftest import StoreUrl
from tests.web.conftest import served_web
from tests.web.test_events import EARLY, PROMISE, post


def test_when_too_many_messages_wait_the_next_one_is_429_and_later_taken(
    sqlite_store: StoreUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(container, "MOST_POSTED", 2)
    store = sqlite_store()
    orders = [placed(f"SO-{number}", EARLY, PROMISE) for number in range(6)]
    with served_web(store) as web, ThreadPoolExecutor(len(orders)) as clients:
        busy = sqlite3.connect(store.removeprefix("sqlite:///"), isolation_level=None)
        busy.execute("BEGIN IMMEDIATE")
        # The writer takes two at most, and two may wait.
        posted = [clients.submit(post, web, order) for order in orders]
        told = next(as_completed(posted)).result()
        busy.execute("ROLLBACK")
        busy.close()

        answers = [one.result() for one in posted]

        assert told.status_code == 429 and int(told.headers["retry-after"]) > 0
        assert {answer.status_code for answer in answers} == {200, 429}
        assert read_status(web.waybill).books.applied == sum(answer.status_code == 200 for answer in answers)
        assert {post(web, order).json()["verdict"] for order in orders} == {"applied", "duplicate"}
        assert read_status(web.waybill).books.applied == len(orders)


@pytest.mark.fault
def test_while_the_store_is_away_posts_and_questions_are_503_and_it_goes_on_when_it_is_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(container, "SECONDS_TO_RETRY_POSTS", 0.2)
    with crashing_server() as server, served_web(server.new_database()) as web:
        assert post(web, placed("SO-1", EARLY, PROMISE)).status_code == 200
        server.crash()

        answers = [post(web, placed("SO-2", EARLY, PROMISE)), web.client.get("/v1/messages/%2Fcrm/O-1")]

        assert [answer.status_code for answer in answers] == [503, 503]
        assert all(int(answer.headers["retry-after"]) > 0 for answer in answers)
        assert all(answer.headers["content-type"] == "application/problem+json" for answer in answers)
        server.up()
        assert post(web, placed("SO-2", EARLY, PROMISE)).json()["verdict"] == "applied"
        assert post(web, placed("SO-1", EARLY, PROMISE)).json()["verdict"] == "duplicate"
        assert read_status(web.waybill).books == (3, 2, 1, 0, 0)
