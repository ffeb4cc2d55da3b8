"""Who reads a file: at most one process at a time goes on in a reading that was broken off.

The operating system frees the lock when its process ends, however it ends. Locks hold on one machine.
"""

import fcntl
import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def reading_lock(store: str, topic: str) -> Iterator[bool]:
    """Yields whether this process is the only one that reads the topic's file into the store."""
    name = hashlib.sha256(f"{store}\0{topic}".encode()).hexdigest()[:24]
    with (Path(tempfile.gettempdir()) / f"waybill-{name}.lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            yield False
        else:
            yield True
