"""What `waybill spark rebuild` leaves behind: after poison, after a second run, and in folders of others."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from shutil import copytree
from typing import Any

import pytest
from msgspec.structs import replace
from typer.testing import CliRunner

from infra.app.spark_rebuild import spark_rebuild
from infra.archive.folder import ArchiveFolder, WrongFolderError, read_manifest
from infra.archive.manifest import NewerArchiveError, encode_manifest
from infra.archive.rows_folder import FORMAT, ROWS_LOCK, DamagedRowsManifestError, NoRowsError, read_rows_manifest
from infra.cli.app import app
from tests.spark.archives import archive_of_events, stored_events
from tests.spark.conftest import Floor
from tests.spark.reading_rows import files_below, rows_of_folder, rows_of_store

KILLED_BEFORE_THE_RENAME = """
import os, pathlib, signal, sys
from infra.archive.folder import ArchiveFolder
pathlib.Path.replace = lambda *_: os.kill(os.getpid(), signal.SIGKILL)
ArchiveFolder(sys.argv[1]).write_last("rows.json", b"{")
"""


def test_poison_is_named_with_exit_code_1_and_everything_else_has_its_rows(
    floor: Floor, tmp_path: Path, spark: Any
) -> None:
    events = stored_events(floor.waybill)
    poison = next(event for event in events if event[0].startswith("order-") and event[1] == 2)
    spoiled = [(*event[:3], b'{"recorded_at": 7}', event[4]) if event == poison else event for event in events]
    archive_of_events(tmp_path / "archive", spoiled)
    to = tmp_path / "rows"
    ran = CliRunner().invoke(
        app, ["spark", "rebuild", "--archive", str(tmp_path / "archive"), "--to", str(to), "--format", "json"]
    )
    assert ran.exit_code == 1
    assert {row["table"]: row["kind"] for row in json.loads(ran.stdout)}["rep_open_orders"] == "totals"
    assert f"every projection: {poison[0]}, position {poison[4]}: event 2 of stream {poison[0]}" in " ".join(
        ran.stderr.split()
    )
    assert "to load them" not in ran.stderr, "a rebuild refuses them"
    made = read_rows_manifest(ArchiveFolder(str(to)))
    assert [(failed.projection, failed.stream, failed.position) for failed in made.failed] == [
        (None, poison[0], poison[4])
    ]
    order = poison[0].removeprefix("order-")
    of_others = {row for row in rows_of_store(floor.waybill)["order_states"] if row[0] != order}
    assert set(rows_of_folder(str(to))["order_states"]) == of_others


def test_the_rows_of_a_run_replace_those_of_the_run_before(made: str, tmp_path: Path) -> None:
    archive_of_events(tmp_path / "archive", [])
    to = copytree(made, tmp_path / "rows")
    replaced = spark_rebuild(str(tmp_path / "archive"), str(to)).manifest
    assert (replaced.format, replaced.position, replaced.failed) == (FORMAT, 0, [])
    assert files_below(to) == {"rows.json", ROWS_LOCK}


def test_a_run_that_was_killed_while_it_wrote_the_manifest_leaves_nothing_to_clean_up(
    made: str, tmp_path: Path
) -> None:
    # given rows, and what a run left that was killed before the manifest had its name
    archive_of_events(tmp_path / "archive", [])
    to = copytree(made, tmp_path / "rows")
    killed = subprocess.run([sys.executable, "-c", KILLED_BEFORE_THE_RENAME, str(to)], check=False)
    assert killed.returncode == -signal.SIGKILL
    (to / "order_states" / "part-0a1b2c3d-00001-7.parquet").write_bytes(b"PAR1")
    assert len(list(to.glob(".rows.json.*.part"))) == 1
    assert read_rows_manifest(ArchiveFolder(str(to))).position > 0, "the rows of before count"
    # when rows are made again, then they are there, and nothing else
    assert spark_rebuild(str(tmp_path / "archive"), str(to)).manifest.position == 0
    assert files_below(to) == {"rows.json", ROWS_LOCK}


def test_of_two_runs_into_a_folder_the_second_is_refused(made: str, floor: Floor, tmp_path: Path) -> None:
    to = copytree(made, tmp_path / "rows")
    before = files_below(to)
    command = ["spark", "rebuild", "--archive", str(floor.archive), "--to", str(to)]
    with ArchiveFolder(str(to)).writing_alone(ROWS_LOCK):
        ran = CliRunner().invoke(app, command)
    assert ran.exit_code == 1
    assert f"another process is writing into {to}: wait for it" in " ".join(ran.stderr.split())
    assert files_below(to) == before


def test_a_folder_of_others_is_left_alone(floor: Floor) -> None:
    with pytest.raises(WrongFolderError, match="not of rows: name a folder of its own"):
        spark_rebuild(str(floor.archive), str(floor.archive))


@pytest.mark.parametrize("url", ["memory://archive", "https://example.org/archive"])
def test_a_place_that_executors_cannot_reach_is_refused(url: str, floor: Floor) -> None:
    with pytest.raises(WrongFolderError, match="name a folder that all executors see"):
        spark_rebuild(str(floor.archive), url)


def test_an_archive_by_newer_rules_is_refused(floor: Floor, tmp_path: Path) -> None:
    manifest = read_manifest(ArchiveFolder(str(floor.archive)))
    newer = replace(manifest, rules_version=manifest.rules_version + 1, waybill="9.9.9")
    ArchiveFolder(str(tmp_path / "archive")).write_last("manifest.json", encode_manifest(newer))
    with pytest.raises(NewerArchiveError, match=r"use waybill 9\.9\.9 or newer"):
        spark_rebuild(str(tmp_path / "archive"), str(tmp_path / "rows"))


def test_a_folder_without_rows_says_how_to_make_them(tmp_path: Path) -> None:
    with pytest.raises(NoRowsError, match="waybill spark rebuild --archive ARCHIVE --to"):
        read_rows_manifest(ArchiveFolder(str(tmp_path)))


@pytest.mark.parametrize(
    ("stored", "said"),
    [
        (b'{"format": "waybill rows 99"}', "this waybill reads 'waybill rows 1'"),
        (b'{"format": "waybill rows 1"}', "rows.json of the rows .* waybill spark rebuild"),
        (b"\xff", "rows.json of the rows .* waybill spark rebuild"),
    ],
)
def test_a_manifest_of_rows_that_cannot_be_read_says_why(stored: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_bytes(stored)
    with pytest.raises((NoRowsError, DamagedRowsManifestError), match=said):
        read_rows_manifest(ArchiveFolder(str(tmp_path)))
