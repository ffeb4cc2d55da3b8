"""The disk that commits wait for: without it, no figure of durable work says anything."""

import os
import time
from pathlib import Path
from statistics import median, quantiles
from tempfile import TemporaryFile
from typing import Any

import psycopg

WRITES = 100
PAGE_BYTES = 8192
MOUNTS = Path("/proc/self/mounts")


def disk_of(folder: Path) -> dict[str, Any]:
    """Device, file system, and how long a write of 8 KiB with fsync takes in this folder, in ms (None: not allowed)."""
    device, filesystem = _mounted(folder)
    said: dict[str, Any] = {"device": device, "filesystem": filesystem, "fsync_ms": None, "fsync_p99_ms": None}
    if os.access(folder, os.W_OK):
        spans = _spans(folder)
        said["fsync_ms"] = round(median(spans), 3)
        said["fsync_p99_ms"] = round(quantiles(spans, n=100, method="inclusive")[98], 3)
    return said


def folder_of_server(store: str) -> Path:
    """Where a PostgreSQL server of this machine keeps its data."""
    with psycopg.connect(store) as connection:
        row = connection.execute("SHOW data_directory").fetchone()
    assert row is not None
    return Path(row[0])


def told(disk: dict[str, Any]) -> str:
    """In a line."""
    latency = "unknown"
    if disk["fsync_ms"] is not None:
        latency = f"{disk['fsync_ms']:.2f} ms (p99 {disk['fsync_p99_ms']:.2f} ms)"
    return f"{disk['device']}, {disk['filesystem']}; fsync of 8 KiB: {latency}"


def _spans(folder: Path) -> list[float]:
    page, spans = os.urandom(PAGE_BYTES), []
    with TemporaryFile(dir=folder, buffering=0) as file:
        for _ in range(WRITES):
            began = time.perf_counter()
            file.write(page)
            os.fsync(file.fileno())
            spans.append(1000 * (time.perf_counter() - began))
    return spans


def _mounted(folder: Path) -> tuple[str, str]:
    """The device and the file system of the mount that a folder lies in."""
    if not MOUNTS.exists():
        return "unknown", "unknown"
    whole = folder.resolve()
    mounts = [line.split()[:3] for line in MOUNTS.read_text().splitlines()]
    around = [mount for mount in mounts if whole.is_relative_to(mount[1])]
    device, _, filesystem = max(reversed(around), key=lambda mount: len(mount[1]))
    return device, filesystem
