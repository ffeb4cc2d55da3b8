"""docs/recipes.md: each recipe runs as it stands on the page, on an exported sales floor."""

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.backup import back_up
from infra.app.container import Waybill
from infra.app.export import export_all
from infra.queries.trend import instants_between, trend
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import simulate
from projections.views.catalogue import view_named
from projections.views.trend import Counted
from tests.simulated_store import FLOOR_ENDS

PAGE = (Path(__file__).parents[2] / "docs" / "recipes.md").read_text("utf-8")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Waybill, Path]]:
    """A floor, and the folder in which its `exports` are."""
    folder = tmp_path_factory.mktemp("recipes")
    with Waybill(Settings(store=f"sqlite:///{folder / 'waybill.db'}"), clock=lambda: FLOOR_ENDS) as waybill:
        waybill.ingest().read(JsonLines.of_bytes("floor", b"\n".join(simulate(150, 5, FLOOR_ENDS))))
        waybill.project()
        export_all(waybill, folder / "exports", Asked(), ".parquet")
        yield waybill, folder


@pytest.fixture
def here(exported: tuple[Waybill, Path], monkeypatch: pytest.MonkeyPatch) -> Waybill:
    monkeypatch.chdir(exported[1])
    return exported[0]


def test_duckdb_asks_the_files(here: Waybill) -> None:
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        late, days, manifest = (connection.sql(sql).fetchall() for sql in blocks("sql"))
    # then it counts what the service says
    said = here.views.ask(view_named("late"), Asked()).rows
    assert {carrier: number for carrier, number, _ in late} == {
        carrier: sum(row["carrier"] == carrier for row in said) for carrier in {row["carrier"] for row in said}
    }
    june = instants_between(days[0][0], days[-1][0], days[1][0] - days[0][0])
    assert [number for _, number, _ in days] == [row["orders"] for row in trend(here.views, Counted.OVERDUE, june).rows]
    assert all(isinstance(value, Decimal) for _, _, value in days if value is not None)
    assert ("overdue_deliveries", "open_value", "amount") in {(row[0], row[2], row[3]) for row in manifest}


def test_polars_reads_the_files(here: Waybill) -> None:
    seen: dict[str, Any] = {}
    exec(blocks("python")[0], seen)
    orders = [row for row in here.views.ask(view_named("orders"), Asked()).rows if row["on_time"] is not None]
    assert seen["by_week"]["promised"].sum() == len(orders)


def test_pandas_reads_the_files(here: Waybill) -> None:
    pytest.importorskip("pandas", reason="needs pandas for a recipe of docs/recipes.md: pip install pandas")
    seen: dict[str, Any] = {}
    exec(blocks("python")[1], seen)
    overdue = here.views.ask(view_named("overdue"), Asked()).rows
    counted = (seen["by_rep"]["count"].sum(), seen["by_rep"]["sum"].sum())
    assert counted == (len(overdue), sum(row["open_value"] for row in overdue))


def test_datasette_serves_the_views_and_no_messages(here: Waybill, tmp_path: Path) -> None:
    pytest.importorskip("datasette", reason="needs Datasette for a recipe of docs/recipes.md: pip install datasette")
    copy, metadata = tmp_path / "copy.db", tmp_path / "metadata.yaml"
    back_up(here.settings, copy)
    before = copy.read_bytes()
    (text,) = blocks("yaml")
    metadata.write_text(text)

    def got(path: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "datasette", "serve", "-i", str(copy), "--metadata", str(metadata)]
        return subprocess.run([*command, "--get", path], capture_output=True, text=True, check=False)

    rows = json.loads(got("/copy/overdue_by_rep.json?_shape=array").stdout)
    assert sum(row["overdue"] for row in rows) == len(
        json.loads(got("/copy/overdue_deliveries.json?_shape=array&_size=max").stdout)
    )
    for closed in ("/copy/messages.json", "/copy/api_keys.json", "/copy.json?sql=select+1"):
        assert "Forbidden" in got(closed).stdout
    assert copy.read_bytes() == before
