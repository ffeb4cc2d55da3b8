"""Manifests as they are stored: JSON with the hash of its own content, so that one object is written, in one step.

`sha256` is the SHA-256, in hexadecimal digits, of the document without that field, as UTF-8 with sorted keys and
without spaces. It tells damage and slips of the hand, and is no signature. Earlier manifests have none.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import msgspec

SHA256 = "sha256"


class ChangedDocumentError(Exception):
    """The document is not what was written; the message says what is wrong with it."""


def sealed(document: Mapping[str, Any]) -> bytes:
    """The document with the hash of its content, as JSON in lines for people."""
    content = {name: value for name, value in document.items() if name != SHA256}
    written = json.dumps({**content, SHA256: _hash(content)}, ensure_ascii=False, indent=1)
    return written.encode() + b"\n"


def sealed_struct(manifest: msgspec.Struct) -> bytes:
    """The same of a struct."""
    return sealed(json.loads(msgspec.json.encode(manifest)))


def expect_sealed(stored: bytes, earlier: Iterable[str]) -> None:
    """Raise ChangedDocumentError if the stored JSON has another hash than it says.

    One of an earlier waybill says none. It had only the fields `earlier`; with any other one, its hash was lost.
    """
    try:
        document = json.loads(stored)
    except (ValueError, RecursionError) as e:
        raise ChangedDocumentError(f"it is no JSON that was written here: {e}") from e
    told = document.pop(SHA256, None)
    if told is None:
        odd = sorted(document.keys() - set(earlier))
        if odd:
            raise ChangedDocumentError(
                f"it has a field {odd[0]!r}, which no waybill writes without a {SHA256}, and has none"
            )
    elif told != _hash(document):
        raise ChangedDocumentError(f"its content is not what was written ({SHA256.upper()} of itself)")


def expect_inside(paths: Iterable[str]) -> None:
    """Raise ChangedDocumentError if a path of a file leads out of the folder that names it."""
    for path in paths:
        parts = PurePosixPath(path).parts
        if not parts or parts[0] == "/" or ".." in parts or "\\" in path or "://" in path:
            raise ChangedDocumentError(f"it names a file {path!r}, which is not in its folder")


def _hash(content: Mapping[str, Any]) -> str:
    written = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(written.encode("utf-8", "surrogatepass")).hexdigest()
