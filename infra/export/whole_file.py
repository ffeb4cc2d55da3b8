"""A file that is there whole or not at all."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path beside `path` to write to; what was written takes its place in one step, when all of it is on the disk.

    When the writing fails, or the process is killed, whatever `path` was before, it still is.
    """
    path = path.resolve()  # what a link points to is replaced, not the link
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        if path.exists():
            # Whoever kept it private wants what takes its place to be private, too, from the first byte on.
            part.touch(mode=0o600)
            part.chmod(path.stat().st_mode & 0o777)
        yield part
        with part.open("rb+") as file:
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
