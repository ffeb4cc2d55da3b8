"""Rows, shapes and the decoding of events run where there is no database library: in a distributed engine's worker."""

import subprocess
import sys
from pathlib import Path

import projections

ROOT = Path(__file__).parents[3]
BLOCKED = ("sqlalchemy", "psycopg", "eventsourcing.persistence", "eventsourcing.sqlite", "eventsourcing.postgres")

# In a process of its own, since this one has imported everything.
RUN = """
import importlib, sys
from datetime import UTC, datetime
for name in {blocked}:
    sys.modules[name] = None
for name in {modules}:
    importlib.import_module(name)

from domain.streams import settle_stream, split_stream_name
from infra.store.events.codec import decode_event
from projections.catalogue import PROJECTIONS
from projections.projection import Settled

fact = decode_event(
    "rep-7", 1, "rep.registered",
    b'{{"recorded_at":"2026-03-02T09:00:00Z","source":"crm","message_id":"1","occurred_at":"2026-03-02T08:00:00Z",'
    b'"name":"Ann","level":"senior"}}',
)
kind, rep_id = split_stream_name("rep-7")
settled = Settled(kind, rep_id, settle_stream("rep-7", [fact]))
(row,) = [
    row for p in PROJECTIONS if p.kind is kind for rows in p.shape(settled).values() for row in rows
]
assert (row.rep_id, row.name, row.valid_from) == ("7", "Ann", datetime(2026, 3, 2, 8, tzinfo=UTC)), row
"""


def test_events_are_decoded_and_shaped_without_a_database_library() -> None:
    folder = Path(next(iter(projections.__path__)))
    modules = [f"projections.{file.stem}" for file in sorted(folder.glob("*.py")) if file.stem != "__init__"]
    assert {f"projections.{name}" for name in ("catalogue", "runner", "batch_settling", "diff")} <= set(modules)
    script = RUN.format(blocked=BLOCKED, modules=modules)
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
