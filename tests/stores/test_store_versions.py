"""A store knows its version: made new, brought up by `waybill migrate`, refused when code and store do not fit."""

import time
from pathlib import Path
from threading import Thread

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import select, text, update
from structlog.testing import capture_logs

import infra.store.migrations
from domain.rep.events import RepRegistered
from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill, open_backend
from infra.app.migrate import migrate_store
from infra.app.status import read_status
from infra.settings import Settings
from infra.store import schema_version
from infra.store.events.codec import encode_event
from infra.store.newest_version import NEWEST, VERSION_TABLE
from infra.store.opening import Access, StoreVersionError
from infra.store.register.tables import reactor_positions, register_metadata, store_rules
from infra.store.schema_version import upgrade
from infra.store.stored_rules_version import rules_of
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, take_in
from tests.unit.domain.facts import rep_registered


@pytest.fixture
def sqlite_store(no_file: StoreUrl) -> StoreUrl:
    """Nothing at all, as on PostgreSQL."""
    return no_file


@pytest.fixture
def postgres_store(empty_database: StoreUrl) -> StoreUrl:
    """Databases without a store: these specifications make the store themselves."""
    return empty_database


def steps() -> ScriptDirectory:
    config = Config()
    config.set_main_option("script_location", str(Path(infra.store.migrations.__file__).parent))
    config.set_main_option("path_separator", "os")
    return ScriptDirectory.from_config(config)


EARLIER = [step.revision for step in steps().walk_revisions() if step.revision != NEWEST]
IN_THE_SHORT_RUN = {EARLIER[-1], "0004", "0006", "0011", EARLIER[0]}
"""The versions that releases had, the first and the last one among them."""
EVENTS = 3


@pytest.fixture
def settings(new_store: StoreUrl) -> Settings:
    return Settings(store=new_store())


def made_at(settings: Settings, version: str) -> None:
    """A store as an earlier waybill made it, with some events."""
    backend = open_backend(settings)
    upgrade(backend.engine, version)
    state = encode_event(rep_registered())
    with backend.engine.begin() as connection:
        backend.insert_events(
            connection, [(f"rep-{number}", 1, RepRegistered.TOPIC, state) for number in range(EVENTS)]
        )
    backend.close()


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
        made = MigrationContext.configure(
            connection,
            opts={"include_name": lambda name, kind, _: kind != "table" or name in ours, "compare_type": True},
        )
        assert compare_metadata(made, register_metadata) == []


def test_the_newest_version_is_that_of_the_last_step() -> None:
    assert steps().get_current_head() == NEWEST


def test_migrating_again_does_nothing(settings: Settings) -> None:
    assert migrate_store(settings).version_before is None
    assert migrate_store(settings).version_before == NEWEST
    with Waybill(settings) as waybill:
        assert read_status(waybill).head == 0


def test_an_older_store_is_refused_until_it_is_migrated(settings: Settings) -> None:
    stamp(settings, "0000")
    with pytest.raises(StoreVersionError, match=f"has version 0000, and this waybill needs {NEWEST}.*waybill migrate"):
        Waybill(settings)


def test_a_newer_store_is_refused_and_not_migrated(settings: Settings) -> None:
    stamp(settings, "9999")
    with pytest.raises(StoreVersionError, match="a newer waybill created"):
        Waybill(settings)
    with pytest.raises(StoreVersionError, match="a newer waybill created"):
        migrate_store(settings)


@pytest.mark.parametrize(
    "version",
    [v if v in IN_THE_SHORT_RUN else pytest.param(v, marks=pytest.mark.slow) for v in EARLIER],
)
def test_every_earlier_version_is_brought_up_while_somebody_reads(settings: Settings, version: str) -> None:
    # given a store of an earlier version, which this waybill refuses, and somebody who reads in it
    made_at(settings, version)
    with pytest.raises(StoreVersionError, match=f"has version {version}, and this waybill needs {NEWEST}"):
        Waybill(settings)
    backend = open_backend(settings)
    with backend.engine.connect() as reader:
        count = text(f"SELECT count(*) FROM {backend.events_table}")
        assert reader.execute(count).scalar_one() == EVENTS
        # when it is migrated
        assert migrate_store(settings).version_before == version
        # then the reader was not disturbed
        assert reader.execute(count).scalar_one() == EVENTS
    backend.close()
    # and what comes in is stored beside what was there
    with Waybill(settings) as waybill:
        assert waybill.history.head() == EVENTS
        take_in(waybill, floor(5))
        waybill.project()
        assert waybill.history.count_after(0) > EVENTS


@pytest.mark.parametrize("version", [version for version in EARLIER if version < "0002"])
def test_the_relay_begins_after_what_was_stored_before_there_were_notices(settings: Settings, version: str) -> None:
    made_at(settings, version)
    migrate_store(settings)
    with Waybill(settings) as waybill, waybill.engine.connect() as connection:
        assert connection.execute(select(reactor_positions.c.position)).scalars().all() == [waybill.history.head()]


def test_many_migrate_at_once(settings: Settings, waybill: Command) -> None:
    made_at(settings, EARLIER[-1])
    service = waybill.with_(WAYBILL_STORE=settings.store)
    running = [service.start("migrate") for _ in range(6)]
    said = [process.wait().done().text for process in running]
    assert sum(f"it had version {EARLIER[-1]}" in text for text in said) == 1
    assert sum("nothing to do" in text for text in said) == 5


@pytest.mark.postgres
def test_a_step_that_cannot_have_its_lock_makes_no_reader_wait(
    monkeypatch: pytest.MonkeyPatch, postgres_store: StoreUrl
) -> None:
    monkeypatch.setattr(schema_version, "STEP_LOCK_TIMEOUT_SECONDS", 1)
    settings = Settings(store=postgres_store())
    made_at(settings, EARLIER[-1])
    with psycopg.connect(settings.store) as other, capture_logs() as logs:
        # given a table that a step needs, in use for long
        other.execute(f"LOCK TABLE {VERSION_TABLE} IN SHARE MODE")
        migration = Thread(target=migrate_store, args=(settings,))
        migration.start()
        # then the step gives up for a while, again and again
        while len([entry for entry in logs if entry["event"] == "store_unavailable"]) < 2:
            time.sleep(0.05)
        # and is taken as soon as the table is free
        other.rollback()
        migration.join()
    with Waybill(settings) as waybill:
        assert waybill.history.head() == EVENTS


def judged_by(settings: Settings, version: int) -> None:
    with Waybill(settings) as waybill, waybill.engine.begin() as connection:
        connection.execute(update(store_rules).values(version=version))


def test_a_store_of_newer_rules_can_be_asked_and_is_not_written(settings: Settings) -> None:
    judged_by(settings, RULES_VERSION + 1)
    with Waybill(settings, access=Access.READING) as waybill:
        assert read_status(waybill).head == 0
    with pytest.raises(StoreVersionError, match="it can answer questions, and must not write"):
        Waybill(settings)
    # and migrating does not take the rules back
    migrate_store(settings)
    with pytest.raises(StoreVersionError, match="it can answer questions, and must not write"):
        Waybill(settings)


def test_a_store_of_older_rules_is_not_written_until_it_is_migrated(settings: Settings) -> None:
    judged_by(settings, RULES_VERSION - 1)
    with pytest.raises(StoreVersionError, match="run waybill migrate"):
        Waybill(settings)
    migrate_store(settings)
    with Waybill(settings) as waybill:
        assert rules_of(waybill.engine) == RULES_VERSION
