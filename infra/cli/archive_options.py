"""What the commands share that take the folder or URL of an archive, or of rows made of one."""

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from infra.archive.folder import ArchiveFolder, WrongFolderError, read_manifest
from infra.archive.manifest import NoArchiveError
from infra.archive.rows_folder import NoRowsError, read_rows_manifest
from infra.export.arrow_schema import MissingPackageError


@contextmanager
def folder_of(option: str) -> Iterator[None]:
    """Name the option whose folder or URL cannot be used: it is not there, or is not what the option takes."""
    try:
        yield
    except (WrongFolderError, MissingPackageError, NoArchiveError, NoRowsError) as e:
        raise typer.BadParameter(str(e), param_hint=option) from None


def expect_archive(url: str, option: str) -> None:
    """Raise BadParameter unless there is an archive: before anything is opened, made or started. Raises OSError."""
    with folder_of(option):
        read_manifest(ArchiveFolder(url))


def expect_rows(url: str, option: str) -> None:
    """Raise BadParameter unless there are rows that an engine made. Raises OSError."""
    with folder_of(option):
        read_rows_manifest(ArchiveFolder(url))
