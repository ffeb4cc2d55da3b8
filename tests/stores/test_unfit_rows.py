"""given a folder of rows that is not whole or not of this store, when it is loaded, then it is refused, and why."""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pyarrow
import pytest
from sqlalchemy import select

from domain.rules_version import RULES_VERSION
from infra.app.container import Waybill
from infra.app.rebuild.errors import UnfitRowsError
from infra.app.rebuild.rebuild import Rebuild
from infra.archive.rows_folder import FailedRows, NoRowsError
from infra.archive.rows_reading import DamagedRowsError
from infra.store.operator_log import Who
from infra.store.projected.tables import projection_builds
from projections.catalogue import PROJECTIONS
from tests.rows_folders import change_manifest, folder_of_rows, opened, rewrite
from tests.stores.histories import up_to_date
from tests.stores.test_rebuild_processes import rows_in_use

Harm = Callable[[Path], None]
STATES = "order_states/part-00001.parquet"


@pytest.fixture(scope="module")
def waybill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Waybill]:
    """A store that nothing changes, so that all cases share it."""
    with up_to_date(f"sqlite:///{tmp_path_factory.mktemp('store') / 'waybill.db'}") as waybill:
        yield waybill


@pytest.fixture(scope="module")
def whole(waybill: Waybill, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return folder_of_rows(waybill, tmp_path_factory.mktemp("whole") / "rows")


@pytest.fixture
def folder(whole: Path, tmp_path: Path) -> Path:
    """A copy to harm."""
    return shutil.copytree(whole, tmp_path / "rows")


def nothing_was_begun(waybill: Waybill) -> bool:
    with waybill.engine.connect() as connection:
        return not connection.execute(select(projection_builds)).all()


def says(**changed: Any) -> Harm:
    return lambda at: change_manifest(at, **changed)


def marks_say(**changed: Any) -> Harm:
    def harm(at: Path) -> None:
        (mark,) = opened(at).manifest.marks
        change_manifest(at, marks=[msgspec.structs.replace(mark, **changed)])

    return harm


def first_projection_is(**changed: Any) -> Harm:
    def harm(at: Path) -> None:
        first, *others = opened(at).manifest.projections
        change_manifest(at, projections=[msgspec.structs.replace(first, **changed), *others])

    return harm


def without_the_first_projection(at: Path) -> None:
    change_manifest(at, projections=opened(at).manifest.projections[1:])


def cut_short(at: Path) -> None:
    content = (at / STATES).read_bytes()
    (at / STATES).write_bytes(content[: len(content) // 2])


def one_bit_differs(at: Path) -> None:
    content = bytearray((at / STATES).read_bytes())
    content[len(content) // 2] ^= 1
    (at / STATES).write_bytes(content)


def removed(at: Path) -> None:
    (at / STATES).unlink()


def a_row_is_missing(at: Path) -> None:
    rewrite(at, "order_states", lambda table: table.slice(1), count=False)


def an_amount_is_a_number(at: Path) -> None:
    def change(table: Any) -> Any:
        index = table.schema.get_field_index("order_value")
        return table.set_column(index, "order_value", table.column(index).cast(pyarrow.float64()))

    rewrite(at, "order_states", change)


def a_column_is_missing(at: Path) -> None:
    rewrite(at, "order_states", lambda table: table.drop_columns(["carrier"]))


def a_column_is_new(at: Path) -> None:
    rewrite(at, "order_states", lambda table: table.append_column("colour", pyarrow.nulls(table.num_rows)))


TOO_FAR = r"reflect position 9,999,999, and the newest event of this store is at"
POISON = [FailedRows(None, f"order-P-{number}", number, "too odd") for number in range(7)]
UNFIT: dict[str, tuple[Harm, str]] = {
    "beyond the newest event": (says(position=9_999_999), TOO_FAR),
    "of another event there": (marks_say(stream="order-SO-7"), r"it knows event \d+ of order-SO-7, and this store has"),
    "of another state there": (marks_say(sha256="0" * 64), r"is another one in this store"),
    "of an event that is not there": (marks_say(position=-1), r"and this store has no event there"),
    "of other events before": (says(events=12), r"follow from 12 events up to position [\d,]+, and this store has"),
    "without marks": (says(marks=[]), r"rows\.json does not say of which events"),
    "of an earlier release": (says(events=None), r"rows\.json does not say of which events .* waybill archive, then"),
    "of other rules": (says(rules_version=RULES_VERSION + 1), rf"rules of version {RULES_VERSION + 1}, and this"),
    "of another time zone": (
        says(time_zone="Pacific/Chatham"),
        r"time zone Pacific/Chatham, .* and WAYBILL_TIME_ZONE is",
    ),
    "as of an instant": (says(as_of="2026-01-01T00:00:00Z"), r"answer a question about the past"),
    "with parked streams": (says(failed=POISON), r"7 streams .* order-P-0 \(all: too odd\); .*and 2 more\. Mend the"),
    "of another version": (first_projection_is(version=99), r"order_states are of version 99, and this waybill has"),
    "without a projection": (without_the_first_projection, r"it has no rows of order_states"),
    "without a table": (first_projection_is(tables=[]), r"it has no table order_states"),
}
DAMAGED: dict[str, tuple[Harm, str]] = {
    "cut short": (cut_short, rf"{STATES}: it has [\d,]+ bytes instead of"),
    "with one other bit": (one_bit_differs, rf"{STATES}: it has another content: its SHA-256 differs"),
    "without a file": (removed, rf"{STATES}: it is missing"),
    "with fewer rows": (a_row_is_missing, rf"{STATES}: it has [\d,]+ rows, and the manifest says"),
    "with another type": (an_amount_is_a_number, r"its column order_value is of type double, and order_states has"),
    "without a column": (a_column_is_missing, r"its column carrier is missing"),
    "with another column": (a_column_is_new, r"columns that order_states does not have: colour"),
}


@pytest.mark.parametrize("which", UNFIT)
def test_rows_of_something_else_are_refused(which: str, waybill: Waybill, folder: Path) -> None:
    harm, why = UNFIT[which]
    harm(folder)

    with pytest.raises(UnfitRowsError, match=why) as refused:
        Rebuild(waybill, Who("ann"), rows=opened(folder)).run(PROJECTIONS)

    assert str(refused.value).endswith("Nothing has changed")
    assert nothing_was_begun(waybill)


@pytest.mark.parametrize("which", DAMAGED)
def test_a_damaged_file_is_named(which: str, waybill: Waybill, folder: Path) -> None:
    harm, why = DAMAGED[which]
    harm(folder)

    with pytest.raises(DamagedRowsError, match=rf"{why}.*Nothing has changed"):
        Rebuild(waybill, Who("ann"), rows=opened(folder)).run(PROJECTIONS)

    assert nothing_was_begun(waybill)


def test_totals_that_contradict_the_rows_are_refused(waybill: Waybill, folder: Path) -> None:
    before = rows_in_use(waybill)

    def one_more(table: Any) -> Any:
        index = table.schema.get_field_index("open_orders")
        more = [table.column(index)[0].as_py() + 1, *table.column(index).to_pylist()[1:]]
        return table.set_column(index, table.schema.field(index), [more])

    rewrite(folder, "rep_open_orders", one_more)

    with pytest.raises(UnfitRowsError, match=r"contradicts itself: for rep-\d+, its rep_open_orders has .* add up to"):
        Rebuild(waybill, Who("ann"), rows=opened(folder)).run(PROJECTIONS)

    assert rows_in_use(waybill) == before
    with waybill.engine.begin() as connection:
        connection.execute(projection_builds.delete())


def test_a_folder_without_rows_says_how_to_make_some(tmp_path: Path) -> None:
    with pytest.raises(NoRowsError, match=r"no rows\.json.*waybill spark rebuild --archive"):
        opened(tmp_path)
