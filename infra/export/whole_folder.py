"""Atomic writing of a folder: a reader finds the whole old set of files, or the whole new one."""

import ctypes
import errno
import fcntl
import os
import secrets
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_PART = ".part"
_AT_FDCWD, _EXCHANGE = -100, 2
_CANNOT_EXCHANGE = (errno.EINVAL, errno.ENOSYS, errno.ENOTSUP, errno.EXDEV)


@contextmanager
def whole_folder(folder: Path, check: Callable[[Path], None]) -> Iterator[Path]:
    """Yields a temporary folder beside `folder` to write to, which takes its place in one step once it is on the disk.

    If writing fails or the process is killed, `folder` stays as it was. What killed processes left beside it is
    removed. `check` raises if the existing folder must not be replaced; it is asked before the writing and after it.
    Raises OSError. On a file system that cannot exchange two folders, a kill between two renames leaves the old folder
    under a hidden name beside.
    """
    folder = folder.resolve()  # a link stays; the folder that it points to is replaced
    check(folder)
    _remove_left_over(folder)
    part = _hidden(folder)
    part.mkdir()
    lock = os.open(part, os.O_RDONLY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)  # marks it as in use: _remove_left_over of another process leaves it alone
        if folder.exists():
            part.chmod(folder.stat().st_mode & 0o777)
        yield part
        for file in part.iterdir():
            _to_disk(file)
        _to_disk(part)
        check(folder)
        _take_place(part, folder)
        _to_disk(folder.parent)
    finally:
        os.close(lock)
        # After an exchange this is the old set.
        shutil.rmtree(part, ignore_errors=True)


def _take_place(part: Path, folder: Path) -> None:
    if not folder.exists():
        part.rename(folder)
    elif not _exchanged(part, folder):
        old = _hidden(folder)
        folder.rename(old)
        try:
            part.rename(folder)
        except OSError:
            old.rename(folder)
            raise
        shutil.rmtree(old, ignore_errors=True)


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange the names of two folders in one step; returns False where the system cannot. Raises OSError."""
    libc = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    if sys.platform == "linux" and hasattr(libc, "renameat2"):
        failed = libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE)
    elif sys.platform == "darwin" and hasattr(libc, "renamex_np"):
        failed = libc.renamex_np(names[0], names[1], _EXCHANGE)
    else:
        return False
    if not failed:
        return True
    if ctypes.get_errno() in _CANNOT_EXCHANGE:
        return False
    raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(other))


def _hidden(folder: Path) -> Path:
    return folder.with_name(f".{folder.name}.{secrets.token_hex(4)}{_PART}")


def _remove_left_over(folder: Path) -> None:
    """Remove the temporary folders of processes that were killed; those of running ones are locked."""
    for left in folder.parent.glob(f".{folder.name}.????????{_PART}"):
        with suppress(OSError):
            lock = os.open(left, os.O_RDONLY)
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(left)
            finally:
                os.close(lock)


def _to_disk(path: Path) -> None:
    opened = os.open(path, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
