"""Processor time of other processes of this machine, read from /proc: of a server that does a part of the work.

Linux alone has /proc; elsewhere a server's time is unknown (None), never guessed.
"""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psycopg

PROC = Path("/proc")
READINGS = 20
"""How often a tree is read again because one of its processes ended meanwhile."""
_PARENT, _OWN, _ENDED_CHILDREN = 1, slice(11, 13), slice(13, 15)
"""Where these fields stand in /proc/PID/stat after the name, which may contain spaces."""


def postmaster_of(store: str) -> int | None:
    """The process whose children serve this PostgreSQL store; None for SQLite and for a server elsewhere."""
    if not store.startswith("postgresql://"):
        return None
    with psycopg.connect(store) as connection:
        backend = connection.info.backend_pid
        fields = _stat(backend)
        named = PROC / str(backend) / "comm"
        if fields is None or "postgres" not in named.read_text():
            return None
        return int(fields[_PARENT])


def seconds_of(processes: Iterable[int]) -> float | None:
    """User and system time so far of these processes and everything below them, what ended included.

    To the hundredth of a second for each living process. None without processes, where /proc does not exist, when a
    process is gone, or when children ended during each of READINGS readings.
    """
    seconds = [_seconds_of_tree(process) for process in processes]
    known = [one for one in seconds if one is not None]
    return sum(known) if known and len(known) == len(seconds) else None


def processors_busy() -> tuple[float, float] | None:
    """Seconds of all processors so far: in use, by whomever, and in all. None without /proc."""
    if not PROC.exists():
        return None
    ticks = [int(one) for one in (PROC / "stat").read_text().splitlines()[0].split()[1:9]]
    idle = ticks[3] + ticks[4]
    return tuple(one / os.sysconf("SC_CLK_TCK") for one in (sum(ticks) - idle, sum(ticks)))  # type: ignore[return-value]


def seconds_below(process: int) -> float | None:
    """The same of everything below one process, without the process itself."""
    whole, fields = _seconds_of_tree(process), _stat(process)
    if whole is None or fields is None:
        return None
    return max(0.0, whole - sum(map(int, fields[_OWN])) / os.sysconf("SC_CLK_TCK"))


def megabytes_below(process: int) -> float:
    """The greatest memory so far of one of the living processes below this one; 0 where that is not known."""
    greatest = 0.0
    for child in _children(process):
        greatest = max(greatest, peak_megabytes_of(child) or 0.0, megabytes_below(child))
    return greatest


def peak_megabytes_of(process: int | str) -> float | None:
    """The greatest memory so far of a living process; None where that is not known."""
    try:
        said = (PROC / str(process) / "status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return next((int(line.split()[1]) / 1024 for line in said.splitlines() if line.startswith("VmHWM:")), None)


def _children(process: int) -> list[int]:
    """Those that live now, in a fraction of the time that looking at all processes takes."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for thread in (PROC / str(process) / "task").iterdir():
            found += map(int, (thread / "children").read_text().split())
    return found


def _seconds_of_tree(root: int) -> float | None:
    """A child that ends between two readings would be counted twice or not at all: then all are read again."""
    for _ in range(READINGS):
        before = _stat(root)
        if before is None:
            return None
        ticks = sum(_ticks(fields) for fields in _tree(root))
        after = _stat(root)
        if after is not None and after[_ENDED_CHILDREN] == before[_ENDED_CHILDREN]:
            return ticks / os.sysconf("SC_CLK_TCK")
    return None


def _tree(root: int) -> list[list[str]]:
    """The fields of a process and of everything below it."""
    living = {int(folder.name): fields for folder in PROC.glob("[0-9]*") if (fields := _stat(int(folder.name)))}
    tree = {root}
    while more := {one for one, fields in living.items() if int(fields[_PARENT]) in tree} - tree:
        tree |= more
    return [living[process] for process in tree if process in living]


def _ticks(fields: list[str]) -> int:
    return sum(map(int, (*fields[_OWN], *fields[_ENDED_CHILDREN])))


def _stat(process: int) -> list[str] | None:
    """The fields of /proc/PID/stat from the state on."""
    try:
        said = (PROC / str(process) / "stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return said.rpartition(")")[2].split()
