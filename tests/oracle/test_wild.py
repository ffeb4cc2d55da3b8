"""given small orders about which everything was said that can be said, when they are taken in in no order at all, then
the service agrees with a plain second reading of the design on every verdict and every row.
"""

import io
from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from sqlalchemy import select

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.serialization import json_value
from infra.settings import Settings
from infra.store.register.tables import messages
from infra.telemetry.logs import configure_logs
from projections.views.catalogue import view_named
from tests.oracle.floor import KEYS, assert_same
from tests.oracle.naive import Naive
from tests.oracle.wild import INSTANTS, wild_history
from tests.stores.conftest import StoreUrl, new_databases

SEEDS = (1, pytest.param(2, marks=pytest.mark.slow))
ORDERS = 150
NOW = INSTANTS[4] + timedelta(minutes=17)
"""The clock of these services. Some messages are ahead of it."""
SKEW = timedelta(days=30)


class Taken:
    """A wild history in a store, and its second reading."""

    def __init__(self, seed: int, store: str):
        lines = wild_history(ORDERS, seed)
        self.naive = Naive(lines, clock=NOW, skew=SKEW)
        settings = Settings(store=store, clock_skew=SKEW, log_level="error")
        configure_logs(settings)
        self.service = Waybill(settings, clock=lambda: NOW)
        ingest = self.service.ingest(honour_recordedtime=True)
        source = JsonLines("wild", lambda: io.BytesIO(b"\n".join(lines)), batch_lines=150)
        ingest.finish(ingest.read(source).feed_id)
        self.service.project()

    def compare(self, as_of: datetime | None, known_at: datetime | None) -> None:
        for view in KEYS:
            rows = self.service.views.ask(view_named(view), Asked(as_of, known_at)).rows
            expected = self.naive.ask(view, as_of or NOW, known_at, as_of=as_of is not None)
            assert_same(view, [json_value(row) for row in rows], expected)


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[StoreUrl]:
    if request.param == "postgresql":
        with new_databases(request.getfixturevalue("postgres_server")) as make:
            yield make
    else:
        yield lambda: f"sqlite:///{tmp_path_factory.mktemp('wild')}/wild.db"


@pytest.fixture(scope="module", params=SEEDS)
def taken(request: pytest.FixtureRequest, store: StoreUrl) -> Iterator[Taken]:
    taken = Taken(request.param, store())
    with taken.service:
        yield taken


def test_every_verdict(taken: Taken) -> None:
    with taken.service.engine.connect() as connection:
        found = {
            (row.subject, row.source, row.message_id): row.verdict
            for row in connection.execute(
                select(messages.c.subject, messages.c.source, messages.c.message_id, messages.c.verdict)
            )
        }
    expected = taken.naive.verdicts()
    differing = {
        key: (taken.naive.messages[key].type, found.get(key), verdict)
        for key, verdict in expected.items()
        if found.get(key) != verdict
    }
    assert not differing
    assert found.keys() == expected.keys()


def test_the_books(taken: Taken) -> None:
    assert read_status(taken.service).books._asdict() == taken.naive.books()


@pytest.mark.parametrize("as_of", INSTANTS)
def test_the_views_as_of_an_instant(taken: Taken, as_of: datetime) -> None:
    taken.compare(as_of, None)


@pytest.mark.parametrize("known_at", INSTANTS[1::3])
@pytest.mark.parametrize("as_of", INSTANTS[2::3])
def test_the_views_by_both_clocks(taken: Taken, as_of: datetime, known_at: datetime) -> None:
    taken.compare(as_of, known_at)


@pytest.mark.parametrize("known_at", [None, INSTANTS[5]])
def test_the_views_of_the_present(taken: Taken, known_at: datetime | None) -> None:
    taken.compare(None, known_at)


def test_nothing_that_is_kept_differs_from_what_the_events_say(taken: Taken) -> None:
    assert verify_store(taken.service).findings == []
