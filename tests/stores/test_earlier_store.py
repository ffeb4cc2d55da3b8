"""A store that the release before wrote: it is refused with what to do, migrates, verifies, and answers the same."""

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.migrate import migrate_store
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.opening import Access
from infra.store.schema_version import StoreVersionError
from projections.order_states import ORDER_STATES
from projections.views.catalogue import VIEWS
from tests.stores.data.build_store_0004 import MESSAGES, STORE, VERSION

AT = datetime(2026, 6, 20, 12, tzinfo=UTC)


@pytest.fixture
def earlier(tmp_path: Path) -> Settings:
    """A copy of the earlier store."""
    shutil.copy(STORE, tmp_path / "store.db")
    return Settings(store=f"sqlite:///{tmp_path / 'store.db'}")


def answers(waybill: Waybill) -> list[Any]:
    rows = [waybill.views.ask(view, asked).rows for view in VIEWS for asked in (Asked(as_of=AT), Asked())]
    # Hours and the like go by the clock, which is not the same for both.
    return [[{**row, "hours_overdue": None, "hours_left": None, "hours_owed": None} for row in each] for each in rows]


@pytest.mark.parametrize("access", Access)
def test_it_says_to_migrate_and_stays_as_it_is(earlier: Settings, access: Access) -> None:
    with pytest.raises(StoreVersionError, match=rf"{VERSION}.*waybill migrate"):
        Waybill(earlier, access=access)
    assert Path(earlier.sqlite_path or "").read_bytes() == STORE.read_bytes()


def test_its_rows_stay_live_until_those_of_this_code_are_filled(earlier: Settings) -> None:
    assert migrate_store(earlier).version_before == VERSION
    with Waybill(earlier) as migrated:
        states = {(told.name, told.version): told.state for told in read_status(migrated).projections}
        assert states["order_states", 2] == "live"
        assert states[ORDER_STATES.name, ORDER_STATES.version] == "filling"
        migrated.project()
        states = {(told.name, told.version): told.state for told in read_status(migrated).projections}
        assert states[ORDER_STATES.name, ORDER_STATES.version] == "live"


def test_it_migrates_verifies_and_answers_as_a_store_that_takes_the_messages_anew(
    earlier: Settings, tmp_path: Path
) -> None:
    assert migrate_store(earlier).version_before == VERSION
    with Waybill(earlier) as migrated:
        migrated.project()
        assert list(verify_store(migrated).findings) == []
        with Waybill(Settings(store=f"sqlite:///{tmp_path / 'anew.db'}")) as anew:
            anew.ingest().read(JsonLines.of_bytes("anew", MESSAGES.read_bytes()))
            anew.project()
            assert answers(migrated) == answers(anew)
            assert any(answers(anew))
            assert read_status(migrated).books == read_status(anew).books
