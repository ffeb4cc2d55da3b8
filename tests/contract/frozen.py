"""The contract of a version, frozen: everything in the AsyncAPI document that a program can tell, without its prose.

`make contract` writes the present one to tests/contract/data, with its checksum. It never overwrites another one.
"""

import sys
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from consumers.contract_version import CONTRACT_VERSION
from consumers.relay.asyncapi import whole_document

FOLDER = Path(__file__).parent / "data"
SUMS = "SHA256SUMS"
"""The checksums of the frozen contracts, as sha256sum writes them."""
PROSE = {"title", "summary", "description", "examples"}
Document = dict[str, Any]


def without_prose(part: Any, *, names: bool = False) -> Any:
    """The part without texts for people; with `names`, its keys are names of an upstream's fields and stay."""
    if isinstance(part, list):
        return [without_prose(each) for each in part]
    if not isinstance(part, dict):
        return part
    return {
        key: without_prose(value, names=key == "properties") for key, value in part.items() if names or key not in PROSE
    }


def present() -> Document:
    """The contract as it is now."""
    document: Document = msgspec.json.decode(msgspec.json.encode(without_prose(whole_document())))
    return document


def file_of(version: str) -> Path:
    return FOLDER / f"contract-{version}.json"


def frozen() -> list[tuple[str, Document]]:
    """Version and document of every frozen contract, the oldest first."""
    found = [(path.stem.removeprefix("contract-"), path) for path in FOLDER.glob("contract-*.json")]
    ordered = sorted(found, key=lambda each: numbers(each[0]))
    return [(version, msgspec.json.decode(path.read_bytes())) for version, path in ordered]


def numbers(version: str) -> tuple[int, ...]:
    """Major, minor and patch."""
    return tuple(map(int, version.split(".")))


class FrozenError(Exception):
    """A contract of this version is frozen already and says something else."""


def freeze(version: str, document: Document, folder: Path = FOLDER) -> Path:
    """Write the contract of a new version, with its checksum. Raises FrozenError if that version has another one."""
    written = msgspec.json.format(msgspec.json.encode(document, order="deterministic"), indent=1) + b"\n"
    path = folder / file_of(version).name
    if path.exists() and path.read_bytes() != written:
        raise FrozenError(
            f"{path.name} is frozen and says something else: move CONTRACT_VERSION, as consumers/contract_version.py "
            f"says. Only if {version} was never released, delete the file and its line in {SUMS} first"
        )
    folder.mkdir(exist_ok=True)
    path.write_bytes(written)
    sums = {**checksums(folder), path.name: sha256(written).hexdigest()}
    lines = (f"{checksum}  {name}\n" for name, checksum in sorted(sums.items()))
    (folder / SUMS).write_text("".join(lines))
    return path


def checksums(folder: Path = FOLDER) -> dict[str, str]:
    """The recorded checksums by file name."""
    if not (folder / SUMS).exists():
        return {}
    return {name: checksum for checksum, name in map(str.split, (folder / SUMS).read_text().splitlines())}


if __name__ == "__main__":
    try:
        print(f"wrote {freeze(CONTRACT_VERSION, present())}")
    except FrozenError as e:
        sys.exit(str(e))
