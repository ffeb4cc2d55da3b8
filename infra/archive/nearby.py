"""Where the archive, or the rows, may be that somebody meant who named another folder of this machine."""

from contextlib import suppress
from itertools import islice
from pathlib import Path

from domain.nearest import near

MOST_LOOKED_AT = 1_000
"""Of how many neighbours: a folder of temporary files may have any number."""


def meant_instead(folder: Path, manifest: str) -> str:
    """The end of a message that asks: `; did you mean A?`. Empty if no folder nearby has this manifest.

    Looked at are the folders in it, the one that it is in, and those beside it with a name like it.
    """
    named = folder.absolute()
    beside = {path.name: path for path in _folders_in(named.parent) if path != named}
    candidates = [named.parent, *_folders_in(named), *(beside[name] for name in near(named.name, beside))]
    found = [candidate for candidate in candidates if _has(candidate, manifest)]
    told = " or ".join(_as_named(candidate, folder) for candidate in found[:2])
    return f"; did you mean {told}?" if told else ""


def _folders_in(folder: Path) -> list[Path]:
    with suppress(OSError):
        return sorted(path for path in islice(folder.iterdir(), MOST_LOOKED_AT) if path.is_dir())
    return []


def _has(folder: Path, manifest: str) -> bool:
    try:
        return (folder / manifest).is_file()
    except OSError:
        return False


def _as_named(path: Path, folder: Path) -> str:
    """The path as it can be typed: relative to the working folder, as the other one was, or absolute."""
    if not folder.is_absolute() and path.is_relative_to(Path.cwd()):
        return str(path.relative_to(Path.cwd()))
    return str(path)
