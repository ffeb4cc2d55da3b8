"""Reused ids: messages of one file with the same source and id, but another subject or other content.

Only hashes are kept, in files on disk once there are many, so memory stays flat for a file of any length.
"""

import struct
from collections.abc import Iterator
from contextlib import ExitStack
from tempfile import SpooledTemporaryFile
from types import TracebackType
from typing import NamedTuple, Self

from consumers.contract import WellFormed

_FILES = 64
"""Each is read whole in the end: of 10 million messages, 156,000 entries at a time."""
_IN_MEMORY = 128 * 1024
"""The bytes of each that stay in memory."""
_ENTRY = struct.Struct("=qqqq")


class ReusedId(NamedTuple):
    """A line with the source and id of an earlier line. Lines count from 1.

    With `other_subject`, no earlier line has this subject, so it is another message; else it has other content than the
    first line of its subject.
    """

    line: int
    first_line: int
    other_subject: bool


class ReusedIds:
    """Remembers messages; a context manager, because it may hold files."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._files = [
            self._stack.enter_context(SpooledTemporaryFile(_IN_MEMORY))  # noqa: SIM115  (the stack closes it)
            for _ in range(_FILES)
        ]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._stack.close()

    def add(self, line: int, message: WellFormed) -> None:
        """Note the source, id and content of the message in this line (from 1)."""
        fact = message.fact
        key = hash((fact.source, fact.message_id))
        content = hash((message.type, fact.occurred_at, fact.content))
        self._files[key % _FILES].write(_ENTRY.pack(key, hash(message.subject), content, line))

    def found(self) -> Iterator[ReusedId]:
        """The lines with another subject than the first of the same id, or with other content, in no special order."""
        for file in self._files:
            file.seek(0)
            first: dict[int, int] = {}
            of_subject: dict[tuple[int, int], tuple[int, int]] = {}
            for key, subject, content, line in _ENTRY.iter_unpack(file.read()):
                first_line = first.setdefault(key, line)
                first_content, same_subject = of_subject.setdefault((key, subject), (content, line))
                if same_subject == line and first_line != line:
                    yield ReusedId(line, first_line, other_subject=True)
                elif content != first_content:
                    yield ReusedId(line, same_subject, other_subject=False)
