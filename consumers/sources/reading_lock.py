"""The reading lock: at most one process at a time resumes an interrupted reading of a file.

The operating system frees the lock when the process ends for any reason. Locks work on one machine, for one user.
"""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

POLL_SECONDS = 0.02


@contextmanager
def reading_lock(store: str, topic: str) -> Iterator[bool]:
    """Yields whether this process is the only one that reads the topic's file into the store."""
    with held_lock(f"reading {store} {topic}", wait=False) as held:
        yield held


@contextmanager
def held_lock(name: str, *, wait: bool) -> Iterator[bool]:
    """Try to take the lock of this name, waiting or not; yields whether it is held.

    Raises OSError if the folder of locks belongs to another user.
    """
    folder = Path(tempfile.gettempdir()) / f"waybill-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.lstat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to another user; remove it or set TMPDIR")
    path = folder / f"{hashlib.sha256(name.encode()).hexdigest()[:24]}.lock"
    lock = FileLock(path, timeout=-1 if wait else 0, mode=0o600, thread_local=False)
    try:
        lock.acquire(poll_interval=POLL_SECONDS)
    except Timeout:
        yield False
        return
    try:
        yield True
    finally:
        lock.release()
