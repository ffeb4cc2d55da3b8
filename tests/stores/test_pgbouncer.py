"""Behind a real PgBouncer: a pool of transactions is refused before anything is locked; a pool of sessions serves."""

import random
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import psycopg
import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.verify import verify_store
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from infra.store.opening import Access, SharedSessionsError
from infra.store.postgres.sessions import Sessions
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl
from tests.stores.pgbouncer import pgbouncer

pytestmark = pytest.mark.postgres

REMEDY = ("pool_mode = transaction", "Name PostgreSQL itself in WAYBILL_STORE, or a pool with pool_mode = session")
FLOOR = b"\n".join(simulate(40, 5, DEFAULT_UNTIL))

Pooled = Callable[..., str]


@pytest.fixture
def pooled(postgres_store: StoreUrl) -> Iterator[Pooled]:
    """URLs of a store through a PgBouncer of this pool mode."""
    with ExitStack() as stack:
        yield lambda store, mode, processes=1: stack.enter_context(pgbouncer(store, mode, processes))


def advisory_locks(url: str) -> int:
    """How many there are in this store: the server has other tests' stores, too."""
    ours = "database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    with psycopg.connect(url) as connection:
        found = connection.execute(f"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND {ours}").fetchone()
    return int(found[0]) if found else 0


@pytest.mark.parametrize("mode", ["transaction", "statement"])
def test_a_pool_of_transactions_is_refused_and_nothing_leaks(
    postgres_store: StoreUrl, pooled: Pooled, waybill: Command, mode: str
) -> None:
    # given a store behind a pool that gives each transaction another session
    store = postgres_store()
    behind = waybill.with_(WAYBILL_STORE=pooled(store, mode))
    # when three projectors and a reader are started, then each says what is the matter and what to do
    started = [behind.start("project") for _ in range(3)]
    for process in started:
        process.wait().exited(1, *REMEDY)
    behind("status").exited(1, *REMEDY)
    behind("migrate").exited(1, *REMEDY)
    # and no lock is left behind on which the store would wait
    assert advisory_locks(store) == 0
    waybill.with_(WAYBILL_STORE=store)("project", "--once").done()


def test_a_pool_of_transactions_is_refused_beside_other_clients(postgres_store: StoreUrl, pooled: Pooled) -> None:
    # given other clients that keep the pool's servers busy, or leave some idle
    url = pooled(postgres_store(), "transaction")
    with ExitStack() as stack:
        clients = [stack.enter_context(psycopg.connect(url)) for _ in range(6)]
        for _ in range(10):
            for client in random.sample(clients, k=3):
                client.execute("SELECT 1")
            with pytest.raises(SharedSessionsError):
                Sessions(url).expect_own()
            for client in clients:
                client.rollback()


def test_several_pools_of_transactions_beside_each_other_are_refused(postgres_store: StoreUrl, pooled: Pooled) -> None:
    """Connections may reach different ones, so none of them need ever share a session with another."""
    url = pooled(postgres_store(), "transaction", processes=4)
    for _ in range(8):
        with pytest.raises(SharedSessionsError):
            Sessions(url).expect_own()


def test_a_pool_of_sessions_serves_as_postgresql_itself_does(
    postgres_store: StoreUrl, pooled: Pooled, waybill: Command
) -> None:
    url = pooled(postgres_store(), "session")
    with Waybill(Settings(store=url)) as first, Waybill(Settings(store=url), access=Access.ACTING) as second:
        first.ingest().read(JsonLines.of_bytes("floor", FLOOR))
        first.project()
        assert list(verify_store(first).findings) == []
        # and of two that would lead, one does, until it gives up
        leader, other = first.backend.leadership("projector"), second.backend.leadership("projector")
        assert (leader.claim(), other.claim(), leader.claim()) == (True, False, True)
        leader.close()
        assert other.claim()
        other.close()
    waybill.with_(WAYBILL_STORE=url)("status").done()


def test_a_leader_whose_pool_changes_its_mode_leads_no_more(postgres_store: StoreUrl) -> None:
    with Waybill(Settings(store=postgres_store())) as waybill:
        leadership = waybill.backend.leadership("projector")
        assert leadership.claim()
        # given a connection that another process of the server answers from now on
        leadership._claimed_by = -1  # type: ignore[attr-defined]
        # when the leader looks after its claim, then it stops
        with pytest.raises(SharedSessionsError):
            leadership.claim()
        leadership.close()
