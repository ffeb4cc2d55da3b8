"""The contract of a version, frozen: everything in the AsyncAPI document that a program can tell, without its prose.

`make contract` writes the present one to tests/contract/data. A file that was released is never changed.
"""

from pathlib import Path
from typing import Any

import msgspec

from consumers.contract.version import CONTRACT_VERSION
from consumers.relay.asyncapi import whole_document

FOLDER = Path(__file__).parent / "data"
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


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    written = msgspec.json.format(msgspec.json.encode(present(), order="deterministic"), indent=1)
    file_of(CONTRACT_VERSION).write_bytes(written + b"\n")
    print(f"wrote {file_of(CONTRACT_VERSION)}")
