"""A store that the release before wrote: it is refused with what to do, migrates, verifies, and answers the same."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from infra.app.container import Waybill
from infra.app.migrate import fill_views, migrate_store
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.settings import Settings
from infra.store.opening import Access, StoreVersionError
from projections.order_states import ORDER_STATES
from tests.stores.conftest import StoreUrl
from tests.stores.data.build_store_0004 import VERSION
from tests.stores.earlier_stores import JUDGED_OTHERWISE, SIMULATED, EarlierStore, anew, answers, copied, verdicts


@pytest.fixture
def postgres_store(empty_database: StoreUrl) -> StoreUrl:
    """Databases without a store: these specifications make the store themselves."""
    return empty_database


@pytest.fixture
def earlier(sqlite_store: StoreUrl) -> Settings:
    """A copy of the earlier store."""
    return copied(SIMULATED, sqlite_store())


@pytest.mark.parametrize("access", Access)
def test_it_says_to_migrate_and_stays_as_it_is(earlier: Settings, access: Access) -> None:
    with pytest.raises(StoreVersionError, match=rf"{VERSION}.*waybill migrate"):
        Waybill(earlier, access=access)
    assert Path(earlier.sqlite_path or "").read_bytes() == SIMULATED.file.read_bytes()


def test_its_rows_stay_live_until_those_of_this_code_are_filled(earlier: Settings) -> None:
    assert migrate_store(earlier).version_before == VERSION
    with Waybill(earlier) as migrated:
        states = {(told.name, told.version): told.state for told in read_status(migrated).projections}
        # The changes of verdict are events that its rows do not reflect.
        assert states["order_states", 2] == "behind"
        assert states[ORDER_STATES.name, ORDER_STATES.version] == "needs rebuild"
    fill_views(earlier)
    with Waybill(earlier) as migrated:
        states = {(told.name, told.version): told.state for told in read_status(migrated).projections}
        assert states[ORDER_STATES.name, ORDER_STATES.version] == "live"


@pytest.mark.parametrize("name", ["order_states", "overdue_deliveries", "late_delivery_periods", "rep_workload"])
def test_queries_of_its_file_are_answered_all_the_time(earlier: Settings, name: str) -> None:
    def rows() -> int:
        with closing(sqlite3.connect(earlier.sqlite_path or "")) as connection:
            return int(connection.execute(f"SELECT count(*) FROM {name}").fetchone()[0])

    before = rows()
    migrate_store(earlier)
    assert rows() == before > 0
    fill_views(earlier)
    assert rows() > 0


@pytest.mark.parametrize("store", [SIMULATED, JUDGED_OTHERWISE], ids=["simulated", "judged otherwise"])
def test_it_migrates_verifies_and_answers_like_a_store_that_ingests_the_messages_again(
    new_store: StoreUrl, store: EarlierStore
) -> None:
    earlier = copied(store, new_store())
    with capture_logs() as logs:
        assert migrate_store(earlier).version_before == VERSION
    assert {"store_resettling", "rules_raised"} <= {entry["event"] for entry in logs}
    fill_views(earlier)
    with Waybill(earlier) as migrated, anew(new_store(), in_the_order_taken(store)) as taken_anew:
        assert list(verify_store(migrated).findings) == []
        assert verdicts(migrated) == verdicts(taken_anew)
        assert answers(migrated) == answers(taken_anew)
        assert any(any(rows) for rows in answers(migrated).values())


def in_the_order_taken(store: EarlierStore) -> bytes:
    """The messages, each that was corrected under its own id after the correction, which was taken in its place."""
    lines = store.messages.read_bytes().splitlines(keepends=True)
    corrected = [line for line in lines if b'"CORRECTED-booked-1"' in line and b"estimated_delivery" not in line]
    return b"".join([*(line for line in lines if line not in corrected), *corrected])


def test_migrating_it_again_changes_nothing(new_store: StoreUrl) -> None:
    earlier = copied(JUDGED_OTHERWISE, new_store())
    first = migrate_store(earlier)
    assert first.changed and first.taken
    with Waybill(earlier) as waybill:
        before, head = verdicts(waybill), waybill.history.head()
    again = migrate_store(earlier)
    assert (again.changed, again.taken) == (0, 0)
    with Waybill(earlier) as waybill:
        assert (verdicts(waybill), waybill.history.head()) == (before, head)
