"""Incident 1: a release changes the shape of a view, and the new shape is wrong."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.integration.command import ROOT, Command, Ran
from tests.runbook.page import Player
from tests.runbook.scenes import assert_as_without, simulated
from tests.stores.conftest import StoreUrl, postgres_server, postgres_store

__all__ = ["postgres_server", "postgres_store"]

pytestmark = pytest.mark.postgres

BEFORE = 200
"""How many messages come before the deploy."""


class LaterWaybill(Command):
    """The command of the later release; see later_waybill.py."""

    def __call__(self, *arguments: str | Path, stdin: bytes = b"", nobody: bool = False) -> Ran:
        words = tuple(str(argument) for argument in arguments)
        ran = subprocess.run(
            [sys.executable, "-m", "tests.runbook.later_waybill", *words],
            cwd=self.folder,
            env=self._env | {"PYTHONPATH": str(ROOT)},
            input=stdin,
            capture_output=True,
            check=False,
        )
        return Ran(words, ran.returncode, ran.stdout, ran.stderr.decode("utf-8", errors="replace"))

    def with_(self, **env: str) -> "LaterWaybill":
        return LaterWaybill(self._nursery, self.folder, **{**self._env, **env})


def test_a_bad_deploy_of_a_shape(waybill: Command, other: Command, postgres_store: StoreUrl) -> None:
    waybill = waybill.with_(WAYBILL_STORE=postgres_store())
    later = LaterWaybill(waybill._nursery, waybill.folder, **waybill._env)
    lines = simulated(60)
    waybill.ingest(*lines[:BEFORE])
    incident = Player("Bad deploy of a shape", waybill)

    incident.play(waybill=later, exits=(0, 1))

    # when somebody does not look, it goes live, and messages keep coming
    later("rebuild", "late", "--reason", "release 4.2").done()
    later.ingest(*lines[BEFORE:], name="more.jsonl")
    incident.play(waybill=later)

    incident.play()
    incident.play()
    incident.over()
    assert_as_without(waybill, other, lines)
