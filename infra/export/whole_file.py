"""Atomic writing: a file is complete or absent."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Yields a temporary path beside `path` to write to, which replaces `path` in one step once it is on the disk.

    If writing fails or the process is killed, `path` stays as it was.
    """
    path = path.resolve()  # a link stays; the file that it points to is replaced
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists():
            # The new file keeps the permissions of the old one, from the first byte on.
            part.touch(mode=0o600)
            part.chmod(path.stat().st_mode & 0o777)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
