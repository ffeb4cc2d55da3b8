"""The folder of an archive: a local one, or one of an object store, through fsspec."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath
from typing import Any, BinaryIO, Protocol

from filelock import FileLock, Timeout

from infra.archive.manifest import MANIFEST, Manifest, NoArchiveError, decode_manifest
from infra.archive.nearby import meant_instead
from infra.archive.packages import fsspec
from infra.export.arrow_schema import MissingPackageError
from infra.masking import masked

LOCK = ".archive.lock"
"""The file in an archive's folder that a run holds locked."""
DEAD_AFTER_SECONDS = 24 * 3600
"""On an object store, which has no lock, a file that no manifest names is of a dead run when it is that old."""
BYTES_AT_ONCE = 1024 * 1024
UPLOAD_BYTES = 5 * 1024 * 1024
"""The size of the parts of an upload to an object store, which are kept in memory for each open file."""


PART = ".part"


class WrongFolderError(ValueError):
    """The folder or URL cannot be used for an archive; the message says why and what to do."""


class ArchiveRunsError(Exception):
    """Another run writes into the folder, or has written there meanwhile; the message says so."""


class NamedFile(Protocol):
    """A file that a manifest names. `path` is relative to the folder."""

    @property
    def path(self) -> str: ...
    @property
    def bytes(self) -> int: ...
    @property
    def sha256(self) -> str: ...


class ArchiveFolder:
    """A folder by path or fsspec URL, such as `/backups/waybill` or `s3://bucket/waybill`.

    Paths of files are relative to it, with slashes. `url` is for messages: it has no password. Raises WrongFolderError
    for a URL that fsspec does not know or the path of a file, and MissingPackageError.
    """

    def __init__(self, url: str):
        self.url = masked(url)
        self._named = url
        package = fsspec()
        try:
            self._fs, root = package.core.url_to_fs(url)
        except ImportError as e:
            raise MissingPackageError(f"{self.url} needs another package: {e}") from e
        except ValueError as e:
            raise WrongFolderError(f"{self.url} is no folder that fsspec knows: {e}") from e
        self._root = root.rstrip("/")
        self.is_local = "file" in _protocols(self._fs)
        if self.is_local and Path(self._root).is_file():
            raise WrongFolderError(f"{self.url} is a file; name a folder")
        self._written_folders: set[Path] = set()

    def missing(self, manifest: str) -> str:
        """What to say of a folder without this manifest, and which one nearby may be meant."""
        if not self.is_local:
            return f"(no {manifest}): check the URL"
        named = Path(self._root if "://" in self._named else self._named)
        what = f"no {manifest}" if Path(self._root).exists() else "there is no such folder"
        return f"({what}): check the path{meant_instead(named, manifest)}"

    def exists(self, path: str) -> bool:
        """Whether there is this file. Raises OSError."""
        return bool(self._fs.exists(self._at(path)))

    def size(self, path: str) -> int:
        """The file's bytes. Raises FileNotFoundError."""
        return int(self._fs.info(self._at(path))["size"])

    def open_read(self, path: str) -> BinaryIO:
        """The file's bytes, from any place on. Raises FileNotFoundError."""
        opened: BinaryIO = self._fs.open(self._at(path), "rb")
        return opened

    def read(self, path: str) -> bytes:
        """The whole file. Raises FileNotFoundError."""
        return bytes(self._fs.cat_file(self._at(path)))

    def sha256(self, path: str, tell: Callable[[int], None] = lambda read: None) -> str:
        """The file's hash, in hexadecimal digits; `tell` gets each number of bytes read. Raises FileNotFoundError."""
        digest = hashlib.sha256()
        with self.open_read(path) as file:
            while some := file.read(BYTES_AT_ONCE):
                digest.update(some)
                tell(len(some))
        return digest.hexdigest()

    def files(self) -> list[str]:
        """The paths of all files in it, and in its folders."""
        # An object store's listings are kept by fsspec, and another process may have written since.
        self._fs.invalidate_cache()
        found = self._fs.find(self._root) if self._fs.exists(self._root) else []
        return sorted(str(PurePosixPath(path).relative_to(self._root)) for path in found)

    def age_seconds(self, path: str, now: float) -> float:
        """How long ago the file was written; `now` is in seconds since the epoch."""
        return float(now - self._fs.modified(self._at(path)).timestamp())

    def is_of_dead_run(self, path: str, now: float) -> bool:
        """Whether no run is writing this file any more, which no manifest names; `now` is in seconds since the epoch.

        In a local folder, only who holds the lock may ask: then nobody else writes.
        """
        return self.is_local or self.age_seconds(path, now) > DEAD_AFTER_SECONDS

    def fault_of(self, file: NamedFile, tell: Callable[[int], None] = lambda read: None) -> str | None:
        """How a file differs from what the manifest says, or None; `tell` gets each number of bytes read."""
        try:
            size = self.size(file.path)
            if size != file.bytes:
                return f"has {size:,} bytes instead of {file.bytes:,}"
            if self.sha256(file.path, tell) != file.sha256:
                return "has another content: its SHA-256 differs"
        except FileNotFoundError:
            return "is missing"
        return None

    def expect_still_there(self, files: Iterable[NamedFile]) -> None:
        """Raise ArchiveRunsError unless these new files are there: without a lock, another run may remove them."""
        for file in files:
            try:
                found = self.size(file.path)
            except FileNotFoundError:
                found = -1
            if found != file.bytes:
                raise ArchiveRunsError(
                    f"{file.path} in {self.url} was removed or changed while it was written, perhaps by another run; "
                    "what was there before still counts: run it again"
                )

    def open_new(self, path: str) -> "NewFile":
        """A file to write. It counts for nothing until the manifest names it."""
        at = self._at(path)
        if self.is_local:
            self._make_folder(Path(at).parent)
            return NewFile(Path(at).open("wb"), to_disk=True)
        return NewFile(self._fs.open(at, "wb", block_size=UPLOAD_BYTES), to_disk=False)

    def remove(self, path: str) -> None:
        """Remove a file, if it is there."""
        with suppress(FileNotFoundError):
            self._fs.rm_file(self._at(path))

    def read_manifest_bytes(self) -> bytes | None:
        """The stored manifest; None if there is none."""
        try:
            return self.read(MANIFEST)
        except FileNotFoundError:
            return None

    def write_last(self, path: str, content: bytes) -> None:
        """Write a file that names others, in one step: after a crash there is the old one or the new one.

        Locally, everything written before is on the disk first.
        """
        at = self._at(path)
        if not self.is_local:
            self._fs.pipe_file(at, content)
            return
        target = Path(at)
        self._make_folder(target.parent)
        part = target.with_name(f"{_part_prefix(target.name)}{os.getpid()}{PART}")
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        for folder in sorted(self._written_folders):
            _folder_to_disk(folder)
        part.replace(target)
        _folder_to_disk(target.parent)

    @contextmanager
    def writing_alone(self, lock_file: str = LOCK) -> Iterator[None]:
        """Hold the lock of a local folder, which is freed with its process. Raises ArchiveRunsError.

        An object store has no lock; there, a run looks for its files before it writes the manifest.
        """
        if not self.is_local:
            yield
            return
        folder = Path(self._root)
        try:
            self._make_folder(folder)
        except FileExistsError as e:
            raise WrongFolderError(f"{self.url} is a file; name a folder") from e
        lock = FileLock(folder / lock_file)
        try:
            lock.acquire(timeout=0)
        except Timeout as e:
            raise ArchiveRunsError(f"another process is writing into {self.url}: wait for it") from e
        try:
            yield
        finally:
            lock.release()

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def _make_folder(self, folder: Path) -> None:
        if folder in self._written_folders:
            return
        made = folder
        folder.mkdir(parents=True, exist_ok=True)
        # The names of new folders are in those above them.
        while made not in self._written_folders and made.is_relative_to(self._root):
            self._written_folders.add(made)
            made = made.parent


class NewFile:
    """A file that is being written, with the number and the SHA-256 of its bytes; pyarrow writes to it.

    Closed, it is on the disk, or uploaded. Abandoned, it is closed as it is.
    """

    def __init__(self, file: Any, *, to_disk: bool):
        self._file = file
        self._to_disk = to_disk
        self._digest = hashlib.sha256()
        self.bytes = 0
        self.closed = False

    @property
    def sha256(self) -> str:
        return self._digest.hexdigest()

    def write(self, some: Any) -> int:
        part = memoryview(some)
        self._digest.update(part)
        self._file.write(part)
        self.bytes += part.nbytes
        return part.nbytes

    def tell(self) -> int:
        return self.bytes

    def flush(self) -> None:
        """Nothing: the file is written when it is closed."""

    def close(self) -> None:
        if self.closed:
            return
        self.closed = True
        try:
            if self._to_disk:
                self._file.flush()
                os.fsync(self._file.fileno())
        finally:
            self._file.close()


def is_part_of(path: str, manifest: str) -> bool:
    """Whether `write_last` was writing this manifest here when its process was killed.

    Only who holds the folder's lock may remove it: another process may be alive and writing.
    """
    return path.startswith(_part_prefix(manifest)) and path.endswith(PART)


def _part_prefix(name: str) -> str:
    return f".{name}."


def read_manifest(folder: ArchiveFolder) -> Manifest:
    """The manifest of an archive. Raises NoArchiveError, NewerArchiveError, DamagedManifestError and OSError."""
    stored = folder.read_manifest_bytes()
    if stored is None:
        raise NoArchiveError(f"{folder.url} has no archive {folder.missing(MANIFEST)}")
    return decode_manifest(stored, folder.url)


def _protocols(fs: Any) -> tuple[str, ...]:
    return (fs.protocol,) if isinstance(fs.protocol, str) else tuple(fs.protocol)


def _folder_to_disk(folder: Path) -> None:
    opened = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(opened)
    finally:
        os.close(opened)
