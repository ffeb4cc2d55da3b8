"""Decompresses Kafka batches in bounded memory: half a megabyte can decompress to half a gigabyte."""

import gzip
import hashlib
import io
from collections.abc import Callable, Iterator
from typing import NamedTuple, Protocol

from consumers.sources.source import KEPT_BYTES, Whole

READ_BYTES = 64 * 1024
XERIAL_MAGIC = b"\x82SNAPPY\0"
XERIAL_HEADER_BYTES = 16
INT_BYTES = 4


class UnreadableBatchError(Exception):
    """A batch is unreadable; the text says why."""


class CutBytes(bytes):
    """The beginning of a key, a value or a header that is too large."""

    whole: Whole


class DecompressedRecord(NamedTuple):
    """A record of a batch in Kafka's format: timestamp and offset are relative to the batch's."""

    size: int
    timestamp_delta: int
    offset_delta: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]


class Stream(Protocol):
    """Yields bytes until the end."""

    def read(self, size: int, /) -> bytes:
        """At most so many bytes; none at the end."""


def decompress(codec: int, compressed: bytes) -> Stream:
    """The decompressed batch in pieces. `codec` is Kafka's number. Raises UnreadableBatchError."""
    if codec not in _CODECS:
        raise UnreadableBatchError(f"its compression is of kind {codec}, which is not known")
    name, opened = _CODECS[codec]
    try:
        return _Guarded(name, opened(compressed))
    except ImportError as e:
        raise UnreadableBatchError(f"its compression is {name}, and the library for it is missing: {e}") from e


def _gzip(compressed: bytes) -> Stream:
    return gzip.GzipFile(fileobj=io.BytesIO(compressed))


def _snappy(compressed: bytes) -> Stream:
    import snappy

    return _Pieces(_snappy_blocks(compressed, snappy.uncompress))


def _lz4(compressed: bytes) -> Stream:
    import lz4.frame

    stream: Stream = lz4.frame.open(io.BytesIO(compressed))
    return stream


def _zstd(compressed: bytes) -> Stream:
    import zstandard

    return zstandard.ZstdDecompressor().stream_reader(io.BytesIO(compressed), read_across_frames=True)


_CODECS: dict[int, tuple[str, Callable[[bytes], Stream]]] = {
    1: ("gzip", _gzip),
    2: ("snappy", _snappy),
    3: ("lz4", _lz4),
    4: ("zstd", _zstd),
}


def _snappy_blocks(compressed: bytes, uncompress: Callable[[bytes], bytes]) -> Iterator[bytes]:
    """Java's library writes blocks with a length prefix. A plain block decompresses to at most 21 times its size."""
    if not compressed.startswith(XERIAL_MAGIC):
        yield uncompress(compressed)
        return
    at = XERIAL_HEADER_BYTES
    while at < len(compressed):
        end = at + INT_BYTES + int.from_bytes(compressed[at : at + INT_BYTES])
        yield uncompress(compressed[at + INT_BYTES : end])
        at = end


class _Pieces:
    """Pieces as a stream."""

    def __init__(self, pieces: Iterator[bytes]):
        self._pieces = pieces
        self._left = b""

    def read(self, size: int, /) -> bytes:
        while not self._left:
            piece = next(self._pieces, None)
            if piece is None:
                return b""
            self._left = piece
        taken, self._left = self._left[:size], self._left[size:]
        return taken


class _Guarded:
    """A codec's stream with its errors converted to ours."""

    def __init__(self, name: str, stream: Stream):
        self._name, self._stream = name, stream

    def read(self, size: int, /) -> bytes:
        try:
            return self._stream.read(size)
        except Exception as e:  # each codec library has its own error classes
            raise UnreadableBatchError(f"its {self._name} data is damaged: {e}") from e


def read_up_to(stream: Stream, size: int) -> bytes:
    """Exactly this many bytes, or all that remain."""
    pieces: list[bytes] = []
    while size and (piece := stream.read(size)):
        pieces.append(piece)
        size -= len(piece)
    return b"".join(pieces)


def decompressed_records(before: bytes, stream: Stream, count: int, max_bytes: int) -> Iterator[DecompressedRecord]:
    """The records of a batch, one by one; `before` is the part already read. Raises UnreadableBatchError."""
    fields = _Fields(before, stream, max_bytes)
    for _ in range(count):
        size = fields.varint()
        fields.take(1)  # attributes, which are unused
        timestamp_delta, offset_delta = fields.varint(), fields.varint()
        key, value = fields.nullable(), fields.nullable()
        headers = []
        for _ in range(fields.varint()):
            name = fields.nullable() or b""
            headers.append((name.decode(errors="backslashreplace"), fields.nullable()))
        yield DecompressedRecord(size, timestamp_delta, offset_delta, key, value, headers)


class _Fields:
    def __init__(self, before: bytes, stream: Stream, max_bytes: int):
        self._buffer, self._at = before, 0
        self._stream = stream
        self._max_bytes = max_bytes

    def take(self, size: int) -> bytes:
        while len(self._buffer) - self._at < size:
            more = self._stream.read(READ_BYTES)
            if not more:
                raise UnreadableBatchError("it ends in the middle of a record")
            self._buffer, self._at = self._buffer[self._at :] + more, 0
        start, self._at = self._at, self._at + size
        return self._buffer[start : self._at]

    def varint(self) -> int:
        number = shift = 0
        while True:
            byte = self.take(1)[0]
            number |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (number >> 1) ^ -(number & 1)
            shift += 7
            if shift > 63:
                raise UnreadableBatchError("a number in a record has too many digits")

    def nullable(self) -> bytes | None:
        size = self.varint()
        if size < 0:
            return None
        if size <= self._max_bytes:
            return self.take(size)
        kept, digest, left = b"", hashlib.sha256(), size
        while left:
            piece = self.take(min(left, READ_BYTES))
            digest.update(piece)
            kept += piece[: KEPT_BYTES - len(kept)]
            left -= len(piece)
        cut = CutBytes(kept)
        cut.whole = Whole(size, digest.hexdigest())
        return cut
