"""JSON Lines as a source: one message a line, plain or gzipped, from a file or from standard input."""

import gzip
import io
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, NamedTuple, cast

from consumers.sources.lines import LineReader, MeasuredLine
from consumers.sources.source import BATCH_BYTES, USUAL_MAX_BYTES, Batch, FeedPosition, RawMessage

GZIP_MAGIC = b"\x1f\x8b"
READ_AGAIN_BYTES = 1024 * 1024


class UnreadableSourceError(Exception):
    """The file is truncated or damaged, such as an incomplete gzip stream."""


class JsonLines:
    """Lines of a binary stream. `open_stream` opens the stream at its beginning, still compressed if it is.

    A batch has at most `batch_lines` messages and ends after `batch_bytes` bytes. Only the beginning of a line with
    more than `max_bytes` bytes is kept.
    `progress`, if given, gets the number of bytes read from the stream so far (compressed bytes, if it is).
    """

    identifies_by_offset = False
    partition = 0

    def __init__(
        self,
        topic: str,
        open_stream: Callable[[], BinaryIO],
        *,
        batch_lines: int,
        max_bytes: int = USUAL_MAX_BYTES,
        batch_bytes: int = BATCH_BYTES,
        resumable: bool = False,
        progress: Callable[[int], None] | None = None,
    ):
        self.topic = topic
        self.resumable = resumable
        self._batch_bytes = batch_bytes
        self._open_stream = open_stream
        self._batch_lines = batch_lines
        self._max_bytes = max_bytes
        self._progress = progress

    @classmethod
    def of_file(
        cls,
        path: Path,
        *,
        batch_lines: int,
        max_bytes: int = USUAL_MAX_BYTES,
        progress: Callable[[int], None] | None = None,
    ) -> "JsonLines":
        resolved = path.resolve()
        return cls(
            f"file:{resolved}",
            lambda: resolved.open("rb"),
            batch_lines=batch_lines,
            max_bytes=max_bytes,
            resumable=True,
            progress=progress,
        )

    @classmethod
    def of_standard_input(cls, stdin: BinaryIO, *, batch_lines: int, max_bytes: int = USUAL_MAX_BYTES) -> "JsonLines":
        return cls("stdin", lambda: stdin, batch_lines=batch_lines, max_bytes=max_bytes)

    @classmethod
    def of_bytes(cls, topic: str, content: bytes) -> "JsonLines":
        """Lines in memory, such as a message that an operator makes."""
        return cls(topic, lambda: io.BytesIO(content), batch_lines=1_000)

    @classmethod
    def of_one_batch(cls, topic: str, lines: Sequence[bytes]) -> "JsonLines":
        """Lines in memory that are taken in one transaction, however many: all of them or none."""
        content = b"".join(line + b"\n" for line in lines)
        return cls(topic, lambda: io.BytesIO(content), batch_lines=len(lines), batch_bytes=len(content))

    def batches(self, resume: FeedPosition | None) -> Iterator[Batch]:
        compressed = self._open_stream()
        try:
            stream = _decompressed(compressed)
            position, unfinished, lines = FeedPosition(), None, LineReader(stream, self._max_bytes)
            if resume is not None and resume.bytes_read:
                left = _look_at_what_was_read(stream, resume)
                if left is not None:
                    stream.seek(left.line_start)
                    position, unfinished = resume, left.unfinished
                    lines = LineReader(
                        stream,
                        self._max_bytes,
                        lines=resume.next_offset,
                        bytes_read=left.line_start,
                        crc=left.crc_at_line_start,
                    )
                else:
                    stream.seek(0)
                    # Reported by an empty batch, so that the reader of an empty stream gets it too.
                    yield Batch((), position, position)
            while batch := self._next_batch(lines, position, unfinished):
                position, unfinished = batch.end, None
                if self._progress is not None:
                    self._progress(compressed.tell())
                yield batch
        except (EOFError, gzip.BadGzipFile, zlib.error) as e:
            raise UnreadableSourceError(f"{self.topic}: the gzip stream is damaged or cut short ({e})") from e
        finally:
            compressed.close()

    def _next_batch(self, lines: LineReader, start: FeedPosition, unfinished: str | None) -> Batch | None:
        messages: list[RawMessage] = []
        enough = start.bytes_read + self._batch_bytes
        while len(messages) < self._batch_lines and lines.bytes_read < enough and lines.skip_blanks(enough):
            message = lines.line()
            if message is not None and not (unfinished and unfinished == message.sha256):
                messages.append(message)
            unfinished = None
            messages += lines.whole_lines(self._batch_lines - len(messages), enough)
        end = FeedPosition(lines.lines, lines.bytes_read, lines.crc)
        return Batch(messages, start, end) if end.bytes_read > start.bytes_read else None


def _decompressed(stream: BinaryIO) -> IO[bytes]:
    """The stream's content: gzip is detected by its first bytes, not by the file's name."""
    first = stream.peek(2)[:2] if hasattr(stream, "peek") else b""
    return cast(IO[bytes], gzip.open(stream)) if first == GZIP_MAGIC else stream


class _WhatWasRead(NamedTuple):
    """The start of the last line that was read, and the SHA-256 of its content without surrounding blanks.

    None if that line was read to its end.
    """

    line_start: int
    crc_at_line_start: int
    unfinished: str | None


def _look_at_what_was_read(stream: IO[bytes], resume: FeedPosition) -> _WhatWasRead | None:
    """Read the earlier part again; None if it has changed."""
    crc = crc_at_line_start = line_start = at = 0
    missing = resume.bytes_read
    while missing and (chunk := stream.read(min(missing, READ_AGAIN_BYTES))):
        end = chunk.rfind(b"\n") + 1
        if end:
            line_start, crc_at_line_start = at + end, zlib.crc32(chunk[:end], crc)
        crc = zlib.crc32(chunk, crc)
        at += len(chunk)
        missing -= len(chunk)
    if missing or crc != resume.crc:
        return None
    line = MeasuredLine(0)
    stream.seek(line_start)
    missing = resume.bytes_read - line_start
    while missing and (chunk := stream.read(min(missing, READ_AGAIN_BYTES))):
        line.add(chunk)
        missing -= len(chunk)
    message = line.message(0)
    return _WhatWasRead(line_start, crc_at_line_start, None if message is None else message.sha256)
