"""An archive on Spark answers every view as the store does, row for row, value for value, by both clocks."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any, NamedTuple

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.opening import Access
from tests.integration.messages import Document, booked, confirmed, line, message, placed, voided
from tests.simulated_store import FLOOR_ENDS, fill_with_floor
from tests.spark.answers import ALL, of_archive, of_store

NOT_READABLE = message("delivery.confirmed", "SO-CLAIMED", "2026-06-10T09:00:00Z", {}, id="C-1")
UNHEARD_OF = placed("SO-VOIDED", "2026-06-01T08:00:00Z", "2026-06-03T08:00:00Z")
LONG_ID = "every-week-" + "x" * 185
"""Too long to be in the ids of its orders whole."""


def at(document: Document, recorded: str) -> Document:
    return document | {"recordedtime": recorded}


def standing(subject: str, every: Document) -> Document:
    terms = {"account_id": "TOKYO", "rep_id": "rep-1", "segment": "b2b", "currency": "USD", "lines": [line()]}
    dates = {"every": every, "first_on": "2026-05-04", "lead_days": 3}
    return message("standing_order.established", subject, "2026-05-01T08:00:00Z", terms | dates, id=subject[:20])


def scanned(number: str, time: str) -> Document:
    return message("parcel.delivered", number, time, {"carrier": "Swift Van"})


BEFORE = [
    at(
        message(
            "account.registered",
            "TOKYO",
            "2026-05-01T07:00:00Z",
            {"name": "T", "segment": "b2b", "time_zone": "Asia/Tokyo"},
        ),
        "2026-05-01T07:00:00Z",
    ),
    at(standing(LONG_ID, {"weekday": "Monday"}), "2026-05-02T08:00:00Z"),
    at(placed("SO-CLAIMED", "2026-06-02T08:00:00Z", "2026-06-05T08:00:00Z"), "2026-06-02T08:00:00Z"),
    at(booked("SO-CLAIMED", "2026-06-02T09:00:00Z", "2026-06-04T08:00:00Z"), "2026-06-02T09:00:00Z"),
    at(NOT_READABLE, "2026-06-10T10:00:00Z"),
    at(voided(UNHEARD_OF, "2026-06-01T09:00:00Z"), "2026-06-01T09:00:00Z"),
    at(confirmed("SO-LATER", "2026-06-09T08:00:00Z"), "2026-06-09T08:00:00Z"),
]
"""What the first run of the archive has, beside the floor."""
AFTER = [
    at(confirmed("SO-CLAIMED", "2026-06-10T09:00:00Z", id="C-1"), "2026-06-20T10:00:00Z"),
    at(placed("SO-LATER", "2026-06-08T08:00:00Z", "2026-06-10T08:00:00Z"), "2026-06-21T08:00:00Z"),
    at(
        booked("SO-LATER", "2026-06-08T09:00:00Z", "2026-06-10T08:00:00Z", tracking_number="TN-LATER"),
        "2026-06-21T08:00:00Z",
    ),
    at(scanned("TN-LATER", "2026-06-09T15:00:00Z"), "2026-06-09T15:00:00Z"),
    at(standing("daily", {"days": 1}), "2026-06-22T08:00:00Z"),
]
"""What the second run adds: of the reactors, nothing follows yet."""


class Archived(NamedTuple):
    """A store, opened for reading with the clock at FLOOR_ENDS, and the folder of its archive."""

    waybill: Waybill
    folder: Path


def take_in(waybill: Waybill, name: str, documents: list[Document]) -> None:
    source = JsonLines.of_one_batch(name, [json.dumps(document).encode() for document in documents])
    with ingest_source(waybill, source, honour_recordedtime=True, project=False):
        pass


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Archived]:
    """A floor with wrong messages and what it lacks, archived twice: after the second run reactors have not run."""
    folder = tmp_path_factory.mktemp("floor")
    settings = Settings(store=f"sqlite:///{folder}/waybill.db")
    with Waybill(settings) as waybill:
        fill_with_floor(waybill, 150, wrong=0.1)
        take_in(waybill, "before", BEFORE)
        waybill.react(Event(), once=True)
        archive_store(waybill, str(folder / "archive"), buckets=2)
        take_in(waybill, "after", AFTER)
        waybill.project()
        archive_store(waybill, str(folder / "archive"))
    with Waybill(settings, lambda: FLOOR_ENDS, Access.READING) as waybill:
        yield Archived(waybill, folder / "archive")


JUNE_12, JUNE_25 = datetime(2026, 6, 12, tzinfo=UTC), datetime(2026, 6, 25, 9, 30, tzinfo=UTC)
FEW_CLOCKS = (
    pytest.param(Asked(as_of=JUNE_12), id="as of"),
    pytest.param(Asked(as_of=JUNE_25, known_at=JUNE_12), id="as of, known at"),
    pytest.param(Asked(), id="now", marks=pytest.mark.slow),
    pytest.param(Asked(known_at=JUNE_25), id="known at", marks=pytest.mark.slow),
)


@pytest.mark.timeout(900)  # the first has Spark start and build its classes, which takes minutes on a busy machine
@pytest.mark.parametrize("asked", FEW_CLOCKS)
def test_every_view_of_a_floor_reads_as_in_the_store(asked: Asked, floor: Archived, spark: Any) -> None:
    rows, failed = of_archive(spark, floor.folder, asked, FLOOR_ENDS)
    expected = of_store(floor.waybill, asked)
    assert failed == []
    for view in ALL:
        assert rows[view] == expected[view], view
    # So that the comparison says something.
    assert {view for view, found in expected.items() if not found} <= {"at_risk_deliveries"}
