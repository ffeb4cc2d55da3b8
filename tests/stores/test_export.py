"""A view goes into a file: row by row, typed, and whole or not at all."""

import csv
import json
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from threading import Event
from typing import Any

import pyarrow
import pyarrow.parquet
import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.export import export_rows, relation_named
from infra.export.formats import FORMATS, MissingPackageError, TooLongAmountError, expect_packages
from infra.export.whole_file import whole_file
from infra.queries import streamed
from infra.queries.views import Asked
from infra.serialization import json_value
from infra.settings import Settings
from infra.simulation import DEFAULT_UNTIL, simulate
from projections.table import ValueType
from projections.views.catalogue import ALL_ORDER_STATES, VIEWS, View
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl

T = datetime(2026, 6, 15, 12, tzinfo=UTC)
KNOWN = datetime(2026, 6, 20, 12, tzinfo=UTC)
ENDINGS = sorted(FORMATS)


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def floor(request: pytest.FixtureRequest) -> Any:
    made: StoreUrl = request.getfixturevalue("sqlite_store" if request.param == "sqlite" else "postgres_store")
    clock = [KNOWN]
    with Waybill(Settings(store=made()), clock=lambda: clock[0]) as waybill:
        # one half was heard by the instant KNOWN, the other after that
        halves: dict[bool, list[bytes]] = {True: [], False: []}
        for line in simulate(80, 5, DEFAULT_UNTIL):
            halves[datetime.fromisoformat(json.loads(line)["time"]) <= KNOWN].append(line)
        waybill.ingest().read(JsonLines.of_bytes("first", b"\n".join(halves[True])))
        clock[0] = DEFAULT_UNTIL
        waybill.ingest().read(JsonLines.of_bytes("second", b"\n".join(halves[False])))
        waybill.react(Event(), once=True)
        waybill.project()
        yield waybill


def exported(waybill: Waybill, view: View, asked: Asked, path: Path) -> None:
    batches = [0]
    relation = relation_named(waybill.exports.relations, view.relation)
    export_rows(waybill, relation, path, asked, on_rows=lambda written, _: batches.append(written))
    assert all(after - before <= streamed.ROWS_AT_ONCE for before, after in pairwise(batches))


def read_back(path: Path) -> list[dict[str, Any]]:
    if path.suffix == ".parquet":
        rows: list[dict[str, Any]] = pyarrow.parquet.read_table(path).to_pylist()
        return rows
    if path.suffix == ".jsonl":
        return [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return list(csv.DictReader(path.open(encoding="utf-8", newline="")))


def as_csv(value: Any) -> str:
    return "" if value is None else str(value).lower() if isinstance(value, bool) else str(json_value(value))


AS_WRITTEN: dict[str, Callable[[Any], Any]] = {".csv": as_csv, ".jsonl": json_value, ".parquet": lambda value: value}


CLOCKS = [Asked(), Asked(T), Asked(None, KNOWN), Asked(T, KNOWN)]


@pytest.mark.parametrize("forms", [1, pytest.param(len(ENDINGS), marks=pytest.mark.slow)])
@pytest.mark.parametrize("asked", CLOCKS, ids=str)
def test_a_file_has_the_rows_of_the_answer(
    floor: Waybill, asked: Asked, forms: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The quick ones write a view in another form for each pair of clocks, which makes all forms of each view."""
    # given rows that come a few at a time
    monkeypatch.setattr(streamed, "ROWS_AT_ONCE", 7)
    for number, view in enumerate((*VIEWS, ALL_ORDER_STATES), start=CLOCKS.index(asked)):
        # when a view is exported in so many forms
        said = floor.views.ask(view, asked)
        assert said.rows or view is not ALL_ORDER_STATES
        for ending in [*ENDINGS, *ENDINGS][number % len(ENDINGS) :][:forms]:
            path = tmp_path / f"{view.relation}{ending}"
            exported(floor, view, asked, path)
            # then the file has the same rows, in the same order
            expected = [{name: AS_WRITTEN[ending](value) for name, value in row.items()} for row in said.rows]
            assert read_back(path) == expected, (view.relation, ending)


def test_all_periods_are_exported_unless_an_instant_is_given(floor: Waybill) -> None:
    everything = floor.views.ask(ALL_ORDER_STATES, Asked()).rows
    orders = {row["order_id"] for row in everything}
    assert len(everything) > len(orders)
    # what was known up to now is everything, with periods that have ended too
    assert floor.views.ask(ALL_ORDER_STATES, Asked(known_at=datetime(2100, 1, 1, tzinfo=UTC))).rows == everything
    # as of an instant, an order has one row or none
    then = [row["order_id"] for row in floor.views.ask(ALL_ORDER_STATES, Asked(as_of=T)).rows]
    assert 0 < len(then) == len(set(then)) < len(orders)


def test_dead_letters_are_streamed_too(floor: Waybill) -> None:
    said = floor.dead_letters.dead(floor.clock(), discarded=True)
    letters = relation_named(floor.exports.relations, "dead-letters")
    with floor.exports.reading([letters], Asked()) as reader:
        answer = reader.answer(letters, None)
        rows = [row for batch in answer.batches() for row in batch]
        assert (answer.count(), answer.position) == (len(said), floor.history.head())
    assert [dict(zip(answer.columns, row, strict=True)) for row in rows] == [letter._asdict() for letter in said]


def test_a_page_says_how_much_there_is(floor: Waybill) -> None:
    everything = floor.views.ask(ALL_ORDER_STATES, Asked())
    page = floor.views.ask(ALL_ORDER_STATES, Asked(), limit=3, counted=True)
    assert (page.rows, page.total) == (everything.rows[:3], len(everything.rows))
    assert floor.views.ask(ALL_ORDER_STATES, Asked(), limit=3).total is None
    assert everything.total == len(everything.rows)


def test_parquet_has_types(floor: Waybill, tmp_path: Path) -> None:
    exported(floor, VIEWS[0], Asked(), tmp_path / "overdue.parquet")
    schema = pyarrow.parquet.read_schema(tmp_path / "overdue.parquet")
    types = {name: str(schema.field(name).type) for name in schema.names}
    assert types["promised_by"] == "timestamp[us, tz=UTC]"
    assert types["hours_overdue"] == "decimal128(12, 2)"
    assert types["open_value"] == "decimal128(38, 6)"
    assert types["delivery_attempts"] == "int64"
    assert types["follow_up_owed"] == "bool"
    assert types["order_id"] == "string"


def test_the_greatest_values_fit_into_parquet(floor: Waybill, tmp_path: Path) -> None:
    with floor.views.stream(ALL_ORDER_STATES, Asked()) as answer:
        row = list(next(answer.batches())[0])
        columns = answer.columns
    row[list(columns).index("open_value")] = Decimal(10**31 - 1)
    with FORMATS[".parquet"](tmp_path / "states.parquet", columns) as write:
        write([tuple(row)])
    assert read_back(tmp_path / "states.parquet")[0]["open_value"] == Decimal(10**31 - 1)


def test_an_amount_that_does_not_fit_into_parquet_is_told_with_its_column(tmp_path: Path) -> None:
    columns = {"rep_id": ValueType.TEXT, "pay": ValueType.AMOUNT}
    with (
        pytest.raises(TooLongAmountError, match=r"column pay has more than 32 digits .* export to \.csv or \.jsonl"),
        FORMATS[".parquet"](tmp_path / "cards.parquet", columns) as write,
    ):
        write([("rep-1", Decimal("1.00")), ("rep-2", Decimal(10**45))])


def test_what_breaks_off_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "overdue.csv"
    path.write_text("of yesterday")
    with pytest.raises(KeyboardInterrupt), whole_file(path) as part:
        part.write_text("half of tod")
        raise KeyboardInterrupt
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [("overdue.csv", "of yesterday")]


def test_parquet_without_its_package_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(MissingPackageError, match=r"needs pyarrow: install Waybill with '\.\[export\]'"):
        expect_packages(".parquet")


# The command itself.


def test_the_command_writes_a_view(waybill: Command) -> None:
    waybill.ingest(*simulate(40, 5, DEFAULT_UNTIL))
    clock = ("--as-of", "2026-06-20T00:00:00Z")
    ran = waybill("export", "overdue", "--to", "overdue.csv", *clock).done()
    rows = waybill("overdue", *clock, "--format", "csv").done().out
    assert rows.count(b"\n") > 2
    assert (waybill.folder / "overdue.csv").read_bytes() == rows
    lines = rows.splitlines()
    assert f"{len(lines) - 1} rows in overdue.csv, as of 2026-06-20 00:00Z" in ran.text
    # and the dead letters
    waybill("export", "dead-letters", "--to", "letters.jsonl").done()
    letters = waybill.ask("dead-letters", "list", "--all")
    assert read_back(waybill.folder / "letters.jsonl") == letters
    # of one rep
    rep = lines[1].split(b",")[1].decode()
    waybill("export", "overdue_deliveries", "--to", "of-rep.jsonl", "--rep", rep, *clock).done()
    assert {row["rep_id"] for row in read_back(waybill.folder / "of-rep.jsonl")} == {rep}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("overdue", "--to", "overdue.xlsx"), "overdue.xlsx must end in .csv, .jsonl, .parquet"),
        (("overdue", "--to", "nowhere/overdue.csv"), "the folder nowhere does not exist"),
        (("dead-letters", "--rep", "rep-7", "--to", "letters.csv"), "dead letters have no rep"),
        (("overdrive", "--to", "overdue.csv"), "overdrive is not one of overdue_deliveries,"),
    ],
)
def test_wrong_usage_names_the_fix(waybill: Command, arguments: tuple[str, ...], said: str) -> None:
    waybill("export", *arguments).exited(2, said)
    assert list(waybill.folder.iterdir()) == []
