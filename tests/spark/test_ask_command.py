"""The command `waybill spark ask`: what it refuses before Spark starts, and what it says about an archive."""

import json
from pathlib import Path

import pytest
import typer

from infra.app.container import Waybill
from infra.app.spark_ask import archive_to_ask
from infra.archive.manifest import NewerArchiveError
from infra.archive.sealed_json import sealed
from infra.cli.app import command_line
from infra.settings import Settings
from tests.spark.archives import archive_of_events, stored_events


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive without events."""
    folder = tmp_path_factory.mktemp("archive")
    with Waybill(Settings(store=f"sqlite:///{folder}/waybill.db")) as waybill:
        archive_of_events(folder / "archive", stored_events(waybill))
    return folder / "archive"


def refused(*arguments: str) -> str:
    with pytest.raises(typer.BadParameter) as error:
        command_line()(args=["spark", "ask", *arguments], standalone_mode=False)
    return f"{error.value.param_hint}: {error.value.message}"


def test_an_unknown_view_is_named_with_the_nearest(archive: Path) -> None:
    assert "did you mean overdue?" in refused("overdu", "--archive", str(archive))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("overdue", "--month", "2026-03"), "--month: overdue has no --month: it is for scorecard"),
        (("late", "--contacts"), "--contacts: late has no --contacts: it is for workload and scorecard"),
        (("carriers", "--rep", "rep-1"), "--rep: carrier_performance has no rep_id column: leave out --rep"),
        (("scorecard", "--month", "March"), "--month: 'March' is not a month; give one as 2026-03"),
        (("overdue", "--conf", "driver=8g"), "--conf: 'driver=8g' is not KEY=VALUE of Spark"),
        (("overdue", "--as-of", "yesterday"), "--as-of: 'yesterday' is not an instant"),
    ],
)
def test_a_wrong_option_is_refused_before_spark_starts(arguments: tuple[str, ...], said: str, archive: Path) -> None:
    assert refused(*arguments, "--archive", str(archive)).startswith(said)


def test_a_folder_without_an_archive_is_refused(tmp_path: Path) -> None:
    assert "has no archive (no manifest.json)" in refused("overdue", "--archive", str(tmp_path))


def test_an_archive_of_newer_rules_is_refused(archive: Path, tmp_path: Path) -> None:
    newer = json.loads((archive / "manifest.json").read_bytes()) | {"rules_version": 1_000}
    (tmp_path / "manifest.json").write_bytes(sealed(newer))
    with pytest.raises(NewerArchiveError, match="rules of version 1000"):
        archive_to_ask(str(tmp_path))
