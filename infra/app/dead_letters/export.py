"""Export of dead letters: each with its reason and all of its bytes, as JSON Lines."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from infra.app.container import Waybill
from infra.export.whole_file import whole_file
from infra.queries.dead_letters import UntakenMessage
from infra.queries.letter_contents import Content, LetterContents
from infra.serialization import json_text, text_and_base64


def export_letters(
    waybill: Waybill, letters: Sequence[UntakenMessage], to: Path, on_letter: Callable[[], None] | None = None
) -> int:
    """Write the letters to a file, which is complete or absent; returns how many were written. Raises OSError."""
    written = 0
    with whole_file(to) as part, part.open("w", encoding="utf-8") as file:
        for letter, content in LetterContents(waybill.backend).of_all(letters):
            file.write(json_text(as_document(letter, content)) + "\n")
            written += 1
            if on_letter is not None:
                on_letter()
    return written


def as_document(letter: UntakenMessage, content: Content) -> dict[str, Any]:
    """A letter as one JSON object. Bytes that are not UTF-8 are base64, in `body_base64` and `value_base64`."""
    headers = [{"name": name, **_text("value", value)} for name, value in content.headers]
    return {**letter._asdict(), "headers": headers, **_text("body", content.body), "restated": content.restated}


def _text(name: str, value: bytes) -> dict[str, str]:
    text, in_base64 = text_and_base64(value)
    return {name: text} if in_base64 is None else {f"{name}_base64": in_base64}
