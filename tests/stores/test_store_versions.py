"""A store knows its version: made new, brought up by `waybill migrate`, refused when code and store do not fit."""

from collections.abc import Callable
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text

import infra.store.migrations
from infra.service import Waybill, migrate_store
from infra.settings import Settings
from infra.store.register_tables import register_metadata
from infra.store.schema_version import NEWEST, VERSION_TABLE, StoreVersionError

StoreUrl = Callable[[], str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def settings(request: pytest.FixtureRequest) -> Settings:
    made: StoreUrl = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    return Settings(store=made())


def stamp(settings: Settings, version: str) -> None:
    with Waybill(settings) as waybill, waybill.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '{version}'"))


def test_an_empty_store_is_made_at_the_newest_version(settings: Settings) -> None:
    with Waybill(settings) as waybill, waybill.engine.connect() as connection:
        found = connection.execute(text(f"SELECT version_num FROM {VERSION_TABLE}")).scalar_one()
    assert found == NEWEST


def test_all_steps_together_make_the_tables_that_the_code_expects(settings: Settings) -> None:
    ours = set(register_metadata.tables)
    with Waybill(settings) as waybill, waybill.engine.connect() as connection:
        steps = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name in ours, "compare_type": True},
        )
        assert compare_metadata(steps, register_metadata) == []


def test_the_newest_version_is_that_of_the_last_step() -> None:
    steps = Config()
    steps.set_main_option("script_location", str(Path(infra.store.migrations.__file__).parent))
    assert ScriptDirectory.from_config(steps).get_current_head() == NEWEST


def test_migrating_again_does_nothing(settings: Settings) -> None:
    assert migrate_store(settings) is None
    assert migrate_store(settings) == NEWEST
    with Waybill(settings) as waybill:
        assert waybill.status()["head"] == 0


def test_an_older_store_is_refused_until_it_is_migrated(settings: Settings) -> None:
    stamp(settings, "0000")
    with pytest.raises(StoreVersionError, match=f"of version 0000, and this waybill needs {NEWEST}.*waybill migrate"):
        Waybill(settings)


def test_a_newer_store_is_refused_and_not_migrated(settings: Settings) -> None:
    stamp(settings, "9999")
    with pytest.raises(StoreVersionError, match="a newer waybill made"):
        Waybill(settings)
    with pytest.raises(StoreVersionError, match="a newer waybill made"):
        migrate_store(settings)
