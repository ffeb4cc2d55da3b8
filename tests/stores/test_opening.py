"""A store is opened by any number of processes at once, and by readers at any time."""

from threading import Event, Thread

import pytest

from infra.app.container import Waybill
from infra.app.status import read_status
from infra.settings import Settings
from infra.store.engine import LOCKED
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl

MANY = 10


def test_many_processes_open_an_empty_store_at_once(new_store: StoreUrl, waybill: Command) -> None:
    service = waybill.with_(WAYBILL_STORE=new_store())
    for process in [service.start("project", "--once") for _ in range(MANY)]:
        process.wait().done()
    running = [service.start("status", "--format", "json") for _ in range(MANY)]
    books = [process.wait().done().json["books"] for process in running]
    assert books == [{"received": 0, "applied": 0, "duplicate": 0, "held": 0, "dead": 0}] * MANY
    service("verify").done()


@pytest.mark.parametrize("place", ["no_file", pytest.param("empty_database", marks=pytest.mark.postgres)])
def test_a_store_that_is_not_there_is_not_made_by_a_question(
    place: str, request: pytest.FixtureRequest, waybill: Command
) -> None:
    service = waybill.with_(WAYBILL_STORE=request.getfixturevalue(place)())
    service("status").exited(1, "there is no store at", "set WAYBILL_STORE, or create one with waybill ingest")
    service("overdue").exited(1, "there is no store at")


def test_a_store_is_opened_and_asked_while_somebody_writes(new_store: StoreUrl) -> None:
    settings = Settings(store=new_store())
    with Waybill(settings) as writer, writer.engine.execution_options(**{LOCKED: True}).begin() as connection:
        # given a writer in the midst of a transaction
        writer.backend.lock(connection)
        # when another process opens the store
        opened = Event()

        def open_and_ask() -> None:
            with Waybill(settings) as reader:
                read_status(reader)
                opened.set()

        Thread(target=open_and_ask, daemon=True).start()
        # then it is answered before the writer comes to an end
        assert opened.wait(20)
