"""JSON Lines as a source: one message a line, plain or gzipped, from a file or from standard input."""

import gzip
import io
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO, cast

from consumers.sources.source import Batch, FeedPosition, RawMessage

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
BATCH_BYTES = 8 * 1024 * 1024
READ_AGAIN_BYTES = 1024 * 1024
BLANKS = b" \t\r\n"


class UnreadableSourceError(Exception):
    """The file ends or breaks where it must not, such as a gzip stream that was cut short."""


class JsonLines:
    """Lines of a binary stream. `open_stream` gives the stream from its beginning, still compressed if it is.

    `progress`, when given, is told the number of bytes read from the stream so far (compressed ones, if it is).
    """

    identifies_by_offset = False
    partition = 0

    def __init__(
        self,
        topic: str,
        open_stream: Callable[[], BinaryIO],
        *,
        batch_lines: int,
        progress: Callable[[int], None] | None = None,
    ):
        self.topic = topic
        self._open_stream = open_stream
        self._batch_lines = batch_lines
        self._progress = progress

    @classmethod
    def of_file(cls, path: Path, *, batch_lines: int, progress: Callable[[int], None] | None = None) -> "JsonLines":
        resolved = path.resolve()
        return cls(f"file:{resolved}", lambda: resolved.open("rb"), batch_lines=batch_lines, progress=progress)

    @classmethod
    def of_standard_input(cls, stdin: BinaryIO, *, batch_lines: int) -> "JsonLines":
        return cls("stdin", lambda: stdin, batch_lines=batch_lines)

    @classmethod
    def of_bytes(cls, topic: str, content: bytes) -> "JsonLines":
        """Lines at hand, such as a message that an operator makes."""
        return cls(topic, lambda: io.BytesIO(content), batch_lines=1_000)

    def batches(self, resume: FeedPosition | None) -> Iterator[Batch]:
        compressed = self._open_stream()
        try:
            stream = _decompressed(compressed)
            position, unfinished_line = FeedPosition(), b""
            if resume is not None and resume.bytes_read:
                stream, position, unfinished_line = _skip_what_was_read(stream, resume)
                if position != resume:
                    # Told by an empty batch, so that whoever reads an empty stream learns it too.
                    yield Batch((), position, position)
            while batch := self._next_batch(stream, position, unfinished_line):
                position, unfinished_line = batch.end, b""
                if self._progress is not None:
                    self._progress(compressed.tell())
                yield batch
        except (EOFError, gzip.BadGzipFile, zlib.error) as e:
            raise UnreadableSourceError(f"{self.topic}: the gzip stream is damaged or cut short ({e})") from e
        finally:
            compressed.close()

    def _next_batch(self, stream: IO[bytes], start: FeedPosition, unfinished_line: bytes) -> Batch | None:
        messages: list[RawMessage] = []
        offset, bytes_read, crc = start
        lines = 0
        while lines < self._batch_lines and bytes_read - start.bytes_read < BATCH_BYTES:
            line = stream.readline()
            if not line:
                break
            bytes_read += len(line)
            crc = zlib.crc32(line, crc)
            body = line.strip(BLANKS)
            if unfinished_line and body:
                # The line had not been written to its end when it was read first. What was read is a dead letter now.
                body = (unfinished_line + line).strip(BLANKS)
            unfinished_line = b""
            if offset == 0:
                body = body.removeprefix(BYTE_ORDER_MARK)
            if body:
                messages.append(RawMessage(offset, body))
            offset += 1
            lines += 1
        if not lines:
            return None
        return Batch(messages, start, FeedPosition(offset, bytes_read, crc))


def _decompressed(stream: BinaryIO) -> IO[bytes]:
    """The stream's content: gzip is told by its first bytes, not by the file's name."""
    first = stream.peek(2)[:2] if hasattr(stream, "peek") else b""
    return cast(IO[bytes], gzip.open(stream)) if first == GZIP_MAGIC else stream


def _skip_what_was_read(stream: IO[bytes], resume: FeedPosition) -> tuple[IO[bytes], FeedPosition, bytes]:
    """Pass over the bytes before `resume`; when they are not the ones that were read, start over.

    Returns the stream, where it stands, and what was read of a line that had no end yet. What is passed over is kept
    aside meanwhile, for standard input cannot be wound back.
    """
    aside = tempfile.SpooledTemporaryFile(max_size=BATCH_BYTES)  # noqa: SIM115  (lives on in what is returned)
    crc, missing, last_line = 0, resume.bytes_read, b""
    while missing and (chunk := stream.read(min(missing, READ_AGAIN_BYTES))):
        aside.write(chunk)
        crc = zlib.crc32(chunk, crc)
        missing -= len(chunk)
        _, newline, after = chunk.rpartition(b"\n")
        last_line = after if newline else last_line + after
    if not missing and crc == resume.crc:
        aside.close()
        return stream, resume, last_line
    aside.seek(0)
    return cast(IO[bytes], _OneAfterTheOther(cast(IO[bytes], aside), stream)), FeedPosition(), b""


class _OneAfterTheOther:
    """Two streams read as one, line by line."""

    def __init__(self, first: IO[bytes], second: IO[bytes]):
        self._first, self._second = first, second

    def readline(self) -> bytes:
        line = self._first.readline()
        if line.endswith(b"\n"):
            return line
        return line + self._second.readline()
