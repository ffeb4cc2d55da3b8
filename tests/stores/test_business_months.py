"""Business months: on each database, an instant belongs to the month that the business zone's calendar shows."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Column, MetaData, Table, insert, select, update

from infra.app.container import Waybill
from infra.queries.known_at import scratch_of
from infra.settings import Settings
from infra.store.business_months import (
    NoBusinessMonthsError,
    expect_business_months,
    keep_business_months,
    month_starts,
)
from infra.store.opening import Access
from projections.views.as_of import AsOf
from projections.views.business_months import business_month_starts, last_month, month_before, month_of, this_month
from projections.views.columns import Instant, Name
from tests.stores.conftest import StoreUrl

ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu", "Pacific/Auckland", "America/Asuncion")
MICROSECOND = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)
happened = Table("happened", MetaData(), Column("at", Instant), Column("month", Name))


def local_month(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m").rjust(7, "0")


def around_the_months(zone: str) -> list[datetime]:
    """Instants just before, at and just after local midnights that begin a month, and instants of UTC's months."""
    firsts = [datetime(year, month, 1, tzinfo=UTC) for year in (1999, 2012, 2024) for month in range(1, 13)]
    own = [first.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC) for first in firsts]
    return [at + span for at in (*firsts, *own) for span in (-SECOND, -MICROSECOND, 0 * SECOND, MICROSECOND, SECOND)]


def test_months_begin_at_local_midnight(new_store: StoreUrl) -> None:
    with Waybill(Settings(store=new_store())) as waybill:
        for zone in ZONES:
            instants = around_the_months(zone)
            keep_business_months(waybill.engine, zone)
            with waybill.engine.begin() as connection:
                happened.create(connection)
                connection.execute(insert(happened), [{"at": at} for at in instants])
                as_of = AsOf.at(instants[0], zone=zone)
                found = connection.execute(select(happened.c.at, month_of(happened.c.at, as_of))).all()
                happened.drop(connection)
            assert {tuple(row) for row in found} == {(at, local_month(at, zone)) for at in instants}


def test_a_month_begins_with_its_first_hour_where_there_is_no_midnight() -> None:
    # given a zone whose clocks went forward at the midnight that began October 2017
    starts = {month: at for at, month in month_starts("America/Asuncion")}
    # then October began at 01:00, the first instant after September
    local = starts["2017-10"].astimezone(ZoneInfo("America/Asuncion"))
    assert local.isoformat() == "2017-10-01T01:00:00-03:00"
    assert local_month(starts["2017-10"] - MICROSECOND, "America/Asuncion") == "2017-09"


def test_outside_the_kept_years_the_month_is_that_of_utc(new_store: StoreUrl) -> None:
    zone = "Asia/Kathmandu"
    cases = {
        datetime(1, 1, 1, tzinfo=UTC): "0001-01",
        datetime(999, 12, 31, 23, tzinfo=UTC): "0999-12",
        datetime(1969, 11, 30, 23, tzinfo=UTC): "1969-11",
        datetime(1969, 12, 31, 23, tzinfo=UTC): "1970-01",
        datetime(2100, 12, 31, 18, 14, tzinfo=UTC): "2100-12",
        datetime(2100, 12, 31, 18, 15, tzinfo=UTC): "2100-12",
        datetime(2101, 1, 31, 20, tzinfo=UTC): "2101-01",
        datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC): "9999-12",
    }
    with Waybill(Settings(store=new_store(), time_zone=zone)) as waybill, waybill.engine.connect() as connection:
        for at, month in cases.items():
            assert connection.execute(select(this_month(AsOf.at(at, zone=zone)))).scalar_one() == month, at


def test_the_month_before_is_known_too(new_store: StoreUrl) -> None:
    months = {"2024-01": "2023-12", "2024-03": "2024-02", "2024-12": "2024-11", "1000-01": "0999-12"}
    with Waybill(Settings(store=new_store())) as waybill, waybill.engine.begin() as connection:
        happened.create(connection)
        connection.execute(insert(happened), [{"month": month} for month in months])
        found = connection.execute(select(happened.c.month, month_before(happened.c.month))).all()
        before = connection.execute(select(last_month(AsOf.at(datetime(2024, 3, 31, tzinfo=UTC))))).scalar_one()
    assert {row[0]: row[1] for row in found} == months
    assert before == "2024-02"


def test_what_is_opened_for_acting_keeps_the_months_of_its_zone(new_store: StoreUrl) -> None:
    url = new_store()
    with Waybill(Settings(store=url, time_zone="Europe/Berlin")) as waybill, waybill.engine.begin() as connection:
        expect_business_months(connection, "Europe/Berlin")
        # given a calendar that other rules of the zone made
        changed = update(business_month_starts).where(business_month_starts.c.month == "2024-05")
        connection.execute(changed.values(starts_at=datetime(2024, 5, 1, tzinfo=UTC)))
    # when the store is opened again, and by a process with another zone
    for zone in ("Europe/Berlin", "America/New_York"):
        with Waybill(Settings(store=url, time_zone=zone)) as waybill, waybill.engine.connect() as connection:
            # then it has the months of each by the rules of this code
            for kept in {"Europe/Berlin", zone}:
                month = business_month_starts.c
                rows = connection.execute(select(month.starts_at, month.month).where(month.zone == kept))
                assert sorted((row.starts_at, row.month) for row in rows) == list(month_starts(kept))


def test_a_question_in_a_zone_whose_months_are_not_kept_says_what_to_do(new_store: StoreUrl) -> None:
    url = new_store()
    with Waybill(Settings(store=url)):
        pass
    settings = Settings(store=url, time_zone="Europe/Berlin")
    with Waybill(settings, access=Access.READING) as waybill, waybill.engine.connect() as connection:
        with pytest.raises(NoBusinessMonthsError, match=r"no months of .* Europe/Berlin yet: run waybill project"):
            expect_business_months(connection, "Europe/Berlin")
        expect_business_months(connection, "UTC")
    # and after that, it has them
    with Waybill(settings):
        pass
    with Waybill(settings, access=Access.READING) as waybill, waybill.engine.connect() as connection:
        expect_business_months(connection, "Europe/Berlin")


def test_what_was_known_is_counted_in_months_of_the_zone_too(sqlite_store: StoreUrl) -> None:
    with Waybill(Settings(store=sqlite_store(), time_zone="Europe/Berlin")) as waybill:
        now = waybill.clock()
        with (
            scratch_of(waybill.history, (), None, now, timedelta(hours=1), "Europe/Berlin", now) as scratch,
            scratch.connect() as connection,
        ):
            as_of = AsOf.at(datetime(2024, 4, 30, 22, tzinfo=UTC), zone="Europe/Berlin")
            assert connection.execute(select(this_month(as_of))).scalar_one() == "2024-05"
