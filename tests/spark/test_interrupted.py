"""Ctrl-C while Spark works: a line instead of a traceback, and nothing is left."""

import json
import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from infra.app.archive import archive_store
from infra.app.container import Waybill
from infra.settings import Settings
from tests.archived_orders import closed_order, take_history
from tests.integration.command import EXECUTABLE

PATIENCE = 120


@pytest.mark.slow
def test_an_interrupted_rebuild_ends_with_a_line_and_leaves_nothing(tmp_path: Path) -> None:
    # given an archive, and a rebuild on Spark that has begun to read it
    with Waybill(Settings(store=f"sqlite:///{tmp_path}/waybill.db")) as waybill:
        take_history(waybill, *closed_order("SO-1"))
        archive_store(waybill, str(tmp_path / "archive"))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    command = ("spark", "rebuild", "--archive", "archive", "--to", "rows", "--master", "local[1]")
    with (tmp_path / "stderr").open("wb") as told:
        process = subprocess.Popen(
            [EXECUTABLE, *command],
            cwd=tmp_path,
            env={**os.environ, "TMPDIR": str(scratch), "WAYBILL_LOG_FORMAT": "json"},
            stdout=subprocess.PIPE,
            stderr=told,
            start_new_session=True,
        )
        begun = time.monotonic()
        while "spark_started" not in (tmp_path / "stderr").read_text() and time.monotonic() < begun + PATIENCE:
            time.sleep(0.1)
        # when everything on that terminal is interrupted
        os.killpg(process.pid, signal.SIGINT)
        out, _ = process.communicate(timeout=PATIENCE)
    said = (tmp_path / "stderr").read_text()
    # then it ends as shells expect, and says what is the case
    assert (process.returncode, out) == (130, b""), said
    assert "Spark was interrupted: the rows of an earlier run stay" in said
    assert "Traceback" not in said
    started = [json.loads(line) for line in said.splitlines() if "spark_started" in line]
    assert [(line["archive"], line["events"]) for line in started] == [("archive", 3)]
    # and there are no rows, and no files of Spark
    assert not (tmp_path / "rows" / "rows.json").exists()
    assert [path.name for path in scratch.iterdir() if path.name.startswith("waybill-spark-")] == []
