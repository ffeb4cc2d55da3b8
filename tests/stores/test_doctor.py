"""The doctor on a real store: each planted problem is found, on each database."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert, text, update

from infra.app.container import Waybill, system_clock
from infra.app.doctor.doctor import examine
from infra.app.doctor.finding import Finding, Level
from infra.app.doctor.looking import look_at_store
from infra.app.doctor.seen import StoreSeen, Unread
from infra.app.pause import pause, resume
from infra.settings import Settings
from infra.store.newest_version import VERSION_TABLE
from infra.store.projected.failures import record_failures
from infra.store.register.tables import feeds, left_out_records, malformed_messages, messages, store_rules
from projections.catalogue import PROJECTIONS
from projections.failures import Failure
from tests.stores.conftest import StoreUrl
from tests.stores.histories import floor, take_in

NOBODY = "127.0.0.1:9"
LATER = timedelta(hours=1)


def an_hour_later() -> datetime:
    return system_clock() + LATER


def found(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, Finding]:
    # A store of files: nobody asks for Kafka, and the answer is there at once.
    monkeypatch.setattr("infra.app.doctor.kafka_looking.ASK_MS", 1)
    return {finding.check: finding for finding in examine(settings, an_hour_later).findings}


def test_what_operators_did_is_nothing_to_catch_up_with(new_store: StoreUrl) -> None:
    settings = Settings(store=new_store())
    with Waybill(settings) as waybill:
        waybill.project()
        pause(waybill, "relay", "ann", "a look")
        resume(waybill, "relay", "ann", "it is over")
        assert waybill.history.head() == 2, "acts have positions"
    seen = look_at_store(settings, an_hour_later)
    assert isinstance(seen, StoreSeen)
    assert {(one.lag, one.since) for one in seen.projections_behind} == {(2, None)}
    assert seen.reactors_behind == []


def test_reactors_that_nobody_ever_ran_are_a_warning(new_store: StoreUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(store=new_store())
    with Waybill(settings) as waybill:
        take_in(waybill, floor(5))
        waybill.project()
    assert found(settings, monkeypatch)["reactors"].level is Level.WARNING


def test_a_store_that_never_read_kafka_is_not_asked_for_a_broker_that_nobody_named(
    new_store: StoreUrl, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WAYBILL_KAFKA", raising=False)
    url = new_store()
    with Waybill(Settings(store=url)) as waybill:
        waybill.project()
    assert found(Settings(store=url), monkeypatch) == {}
    assert found(Settings(store=url, kafka=NOBODY), monkeypatch).keys() == {"broker"}


def test_problems_of_a_store_are_found(new_store: StoreUrl, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = Settings(store=new_store(), kafka=NOBODY)
    since = datetime(2026, 11, 28, 3, tzinfo=UTC)
    with Waybill(settings) as waybill:
        waybill.project()
        take_in(waybill, floor(5))
        with waybill.engine.begin() as connection:
            record_failures(connection, PROJECTIONS[0], [Failure("SO-1", 3, "KeyError: 'x'", since)])
            earlier = replace(PROJECTIONS[0], version=PROJECTIONS[0].version - 1)
            record_failures(connection, earlier, [Failure("SO-2", 3, "KeyError: 'x'", since - LATER)])
            # The store exists for days, and what it refused came today.
            connection.execute(update(feeds).values(opened_at=since - timedelta(days=9)))
            record = {"topic": "waybill.events", "event_id": "e1", "size": 9, "largest": 5, "since": since}
            connection.execute(insert(left_out_records).values(record))
            connection.execute(update(store_rules).values(resettled_to="order-1"))

    problems = found(settings, monkeypatch)

    assert problems["projections"].to_type == "waybill project --once"
    assert problems["parked"] == (
        Level.WRONG,
        "parked",
        f"1 subject of {PROJECTIONS[0].name} parked, such as SO-1: KeyError: 'x'",
        since,
        problems["parked"].to_type,
    )
    assert problems["left out"].since == since
    assert problems["rules"].to_type == "waybill migrate"
    assert "dead letter" in problems["dead letters"].problem
    assert problems["broker"].level is Level.WARNING
    assert "database clock" not in problems


def test_what_was_read_is_what_is_there(new_store: StoreUrl) -> None:
    settings = Settings(store=new_store())
    with Waybill(settings) as waybill:
        waybill.project()
        take_in(waybill, floor(5))
        head, lag = waybill.history.head(), waybill.lag()
    seen = look_at_store(settings, system_clock)
    assert isinstance(seen, StoreSeen)
    assert seen.head == head
    assert {one.lag for one in seen.projections_behind} == {lag}
    assert len(seen.projections_behind) == len(PROJECTIONS)
    assert seen.dead.open == seen.dead.last_day > 0 == seen.dead.day_before
    assert not seen.dead.compares
    assert seen.checkpoints == {}, "of files"
    assert (seen.disk is None) == (settings.sqlite_path is None) == (seen.clock is not None)


def test_letters_that_are_redriven_or_discarded_change_no_trend(new_store: StoreUrl) -> None:
    settings = Settings(store=new_store())
    with Waybill(settings) as waybill:
        waybill.project()
        take_in(waybill, floor(5))
        arrived = look_at_store(settings, system_clock)
        # when they are set aside, or taken after all
        with waybill.engine.begin() as connection:
            connection.execute(update(malformed_messages).values(discarded_at=system_clock()))
            connection.execute(update(messages).values(verdict="applied", letter_id=None))
    assert isinstance(arrived, StoreSeen)
    handled = look_at_store(settings, system_clock)
    assert isinstance(handled, StoreSeen)
    assert handled.dead.open == 0 < arrived.dead.open
    assert handled.dead.most_open is None
    assert arrived.dead.most_open == arrived.dead.most, "nothing was set aside yet"
    assert handled.dead.last_day == arrived.dead.last_day > 0
    assert handled.dead.first == arrived.dead.first

    # and a day later, they are those of the day before
    next_day = look_at_store(settings, lambda: system_clock() + timedelta(hours=25))
    assert isinstance(next_day, StoreSeen)
    assert (next_day.dead.last_day, next_day.dead.day_before) == (0, arrived.dead.last_day)


def test_a_store_that_is_too_new_or_away_is_a_finding_not_a_crash(no_file: StoreUrl, tmp_path: Path) -> None:
    settings = Settings(store=no_file())
    away: Any = look_at_store(settings, system_clock)
    assert "there is no store" in away.reason
    with Waybill(settings) as waybill, waybill.engine.begin() as connection:
        connection.execute(text(f"UPDATE {VERSION_TABLE} SET version_num = '9999'"))
    newer: Any = look_at_store(settings, system_clock)
    assert "a newer waybill created" in newer.reason
    (tmp_path / "letter.txt").write_text("not a store at all")
    other: Any = look_at_store(Settings(store=f"sqlite:///{tmp_path / 'letter.txt'}"), system_clock)
    assert isinstance(other, Unread)


@pytest.mark.parametrize("url", ["postgresql://waybill:secret@127.0.0.1:9/waybill"])
def test_a_server_that_does_not_answer_is_a_finding_without_its_password(url: str) -> None:
    away: Any = look_at_store(Settings(store=url), system_clock)
    assert "refused" in away.reason
    assert "secret" not in away.reason
