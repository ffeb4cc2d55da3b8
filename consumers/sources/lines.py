"""Splits a stream into lines in bounded memory: a line of a gigabyte needs no more than one of a megabyte."""

import hashlib
import re
import zlib
from typing import IO

from consumers.sources.source import KEPT_BYTES, RawMessage, Whole

BLANKS = b" \t\r\n"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
READ_BYTES = 256 * 1024

_blanks = re.compile(rb"[ \t\r\n]*")


class LineReader:
    """Yields the lines of a stream that are not blank, without BOM and surrounding blanks.

    For a line with more than `max_bytes` bytes it keeps the beginning, the size and the SHA-256. `lines` counts the
    lines so far, including blank ones. `bytes_read` and `crc` are the number of bytes before the next line and their
    CRC-32.
    """

    def __init__(self, stream: IO[bytes], max_bytes: int, *, lines: int = 0, bytes_read: int = 0, crc: int = 0):
        self.lines, self.bytes_read, self.crc = lines, bytes_read, crc
        self._stream = stream
        self._max_bytes = max_bytes
        self._buffer = b""
        self._at = 0

    def skip_blanks(self, up_to_bytes_read: int) -> bool:
        """Skip blank lines and leading blanks, one buffer at a time; returns whether there is more to read.

        Stops early after this many bytes.
        """
        while True:
            match = _blanks.match(self._buffer, self._at)
            assert match is not None
            if match.end() > self._at:
                self.lines += self._buffer.count(b"\n", self._at, match.end())
                self._pass(match.end())
            if self._at < len(self._buffer):
                return True
            if self.bytes_read >= up_to_bytes_read or not self._read_on():
                return False

    def line(self) -> RawMessage | None:
        """The next line, after `skip_blanks`. None if it has only a BOM."""
        number = self.lines
        end = self._end_of_line()
        if end is None:
            return self._long_line(number)
        body = _content(self._buffer[self._at : end])
        self._pass(min(end + 1, len(self._buffer)))
        self.lines += 1
        return RawMessage(number, body).within(self._max_bytes) if body else None

    def whole_lines(self, most: int, up_to_bytes_read: int) -> list[RawMessage]:
        """The next lines, at most so many, as far as they lie whole in the buffer; each has content and a usual size.

        This is for speed: what it leaves is for `skip_blanks` and `line`. Stops early after this many bytes.
        """
        buffer, end, number = self._buffer, self._at, self.lines
        enough = end + up_to_bytes_read - self.bytes_read
        messages: list[RawMessage] = []
        while len(messages) < most and end < enough:
            line_end = buffer.find(b"\n", end)
            if line_end < 0 or line_end - end > self._max_bytes:
                break
            body = _content(buffer[end:line_end])
            if not body:
                break
            messages.append(RawMessage(number, body))
            end = line_end + 1
            number += 1
        self._pass(end)
        self.lines = number
        return messages

    def _end_of_line(self) -> int | None:
        """The end of the line in the buffer, without the line end; None if it is longer than the largest message."""
        searched = self._at
        while (end := self._buffer.find(b"\n", searched)) < 0:
            if len(self._buffer) - self._at > self._max_bytes:
                return None
            before = self._at
            searched = len(self._buffer) - before
            if not self._read_on():
                return len(self._buffer)
            searched += self._at
        return end

    def _long_line(self, number: int) -> RawMessage | None:
        whole = MeasuredLine(self._max_bytes)
        while True:
            end = self._buffer.find(b"\n", self._at)
            piece = self._buffer[self._at : end if end >= 0 else len(self._buffer)]
            whole.add(piece)
            self._pass(self._at + len(piece) + (end >= 0))
            if end >= 0 or not self._read_on():
                break
        self.lines += 1
        return whole.message(number)

    def _pass(self, end: int) -> None:
        self.crc = zlib.crc32(memoryview(self._buffer)[self._at : end], self.crc)
        self.bytes_read += end - self._at
        self._at = end

    def _read_on(self) -> bool:
        more = self._stream.read(READ_BYTES)
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)


class MeasuredLine:
    """A long line's content without surrounding blanks: the whole line up to a size, else its beginning.

    `size` counts the bytes so far, from the first that is not blank.
    """

    def __init__(self, max_bytes: int):
        self._max_bytes = max_bytes
        self._kept_bytes = max(max_bytes, KEPT_BYTES)
        self._start = b""
        self._begun = False
        self.size = 0
        self._digest = hashlib.sha256()
        # Up to the last byte that is not blank: the rest may be trailing blanks.
        self._content_size = 0
        self._content_digest = self._digest.copy()

    def add(self, piece: bytes) -> None:
        if not self.size:
            piece = piece.lstrip(BLANKS)
            if piece and not self._begun:
                self._begun = True
                piece = piece.removeprefix(BYTE_ORDER_MARK).lstrip(BLANKS)
        content = piece.rstrip(BLANKS)
        if len(self._start) < self._kept_bytes:
            self._start += piece[: self._kept_bytes - len(self._start)]
        if content:
            self._digest.update(content)
            self._content_size, self._content_digest = self.size + len(content), self._digest.copy()
        self._digest.update(piece[len(content) :])
        self.size += len(piece)

    def message(self, number: int) -> RawMessage | None:
        if self._content_size <= self._max_bytes:
            body = self._start[: self._content_size]
            return RawMessage(number, body) if body else None
        whole = Whole(self._content_size, self._content_digest.hexdigest())
        return RawMessage(number, self._start[: min(KEPT_BYTES, self._content_size)], whole=whole)


def _content(line: bytes) -> bytes:
    body = line.strip(BLANKS)
    return body.removeprefix(BYTE_ORDER_MARK).strip(BLANKS) if body.startswith(BYTE_ORDER_MARK) else body
