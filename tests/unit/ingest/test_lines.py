"""Lines are cut in bounded memory, whatever the stream holds."""

import gzip
import hashlib
import io
import subprocess
import sys
import zlib
from pathlib import Path
from typing import IO, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from consumers.sources import lines as lines_module
from consumers.sources.json_lines import JsonLines
from consumers.sources.lines import LineReader
from consumers.sources.source import KEPT_BYTES, RawMessage

MAX_BYTES = 10
BLANKS = b" \t\r\n"
BOM = b"\xef\xbb\xbf"
ALL = 10**12
ROOT = Path(__file__).parents[3]

pieces = st.sampled_from([b"\n", b" ", b"\r\n", b"a", b"\t", b"{}", BOM, b"123456789", b"xxxxxxxxxxxx"])


def read(content: bytes) -> list[RawMessage]:
    reader, found = LineReader(io.BytesIO(content), MAX_BYTES), []
    while reader.skip_blanks(ALL):
        message = reader.line()
        if message is not None:
            found.append(message)
    assert reader.bytes_read == len(content)
    assert reader.crc == zlib.crc32(content)
    return found


def plainly_read(content: bytes) -> list[tuple[int, bytes]]:
    stripped = [line.strip(BLANKS).removeprefix(BOM).strip(BLANKS) for line in content.split(b"\n")]
    return [(number, line) for number, line in enumerate(stripped) if line]


@given(st.lists(pieces, max_size=30).map(b"".join), st.integers(1, 7))
def test_lines_are_those_that_splitting_gives_however_they_are_read(content: bytes, at_a_time: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lines_module, "READ_BYTES", at_a_time)
        found = read(content)
    assert [(m.offset, m.size, m.sha256) for m in found] == [
        (number, len(line), hashlib.sha256(line).hexdigest()) for number, line in plainly_read(content)
    ]
    assert [m.body for m in found] == [line[:KEPT_BYTES] for _, line in plainly_read(content)]
    assert [m.whole is None for m in found] == [len(line) <= MAX_BYTES for _, line in plainly_read(content)]


def test_a_byte_order_mark_before_any_line_is_passed_over() -> None:
    assert [m.body for m in read(BOM + b"a\n" + BOM + b" b\n" + BOM + b"\nc")] == [b"a", b"b", b"c"]


@given(st.lists(pieces, max_size=30).map(b"".join), st.integers(0, 200), st.integers(1, 3))
def test_a_file_that_grew_is_read_on(content: bytes, cut: int, batch_lines: int) -> None:
    def batches(given: bytes) -> JsonLines:
        return JsonLines("feed", lambda: io.BytesIO(given), batch_lines=batch_lines, max_bytes=MAX_BYTES)

    before = list(batches(content[:cut]).batches(None))
    left_at = before[-1].end if before else None
    after = list(batches(content).batches(left_at))
    found = [m.sha256 for batch in [*before, *after] for m in batch.messages]
    expected = [hashlib.sha256(line).hexdigest() for _, line in plainly_read(content)]
    # The last line may have been read while it was half written. Then the half is a message, too.
    read_first = [hashlib.sha256(line).hexdigest() for _, line in plainly_read(content[:cut])]
    with_the_half = [*read_first, *expected[len(read_first) - 1 :]]
    assert found in (expected, with_the_half)
    if after:
        assert after[-1].end.bytes_read == len(content)
        assert after[-1].end.crc == zlib.crc32(content)


class Repeated:
    """A stream of `size` times one byte, then a tail, which takes no memory. Reads as much as is asked for."""

    def __init__(self, byte: bytes, size: int, tail: bytes):
        self._chunk, self._left, self._tail = byte * lines_module.READ_BYTES, size, io.BytesIO(tail)

    def read(self, size: int) -> bytes:
        if not self._left:
            return self._tail.read(size)
        taken = min(size, self._left, len(self._chunk))
        self._left -= taken
        return self._chunk[:taken]

    def close(self) -> None:
        pass


LARGE = [256 * 1024**2, pytest.param(1024**3, marks=pytest.mark.slow)]
"""Bytes: more than the process of the second test may have in memory, and a gigabyte."""


@pytest.mark.parametrize("size", LARGE)
def test_many_blank_lines_take_few_steps(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    steps = 0
    skip = LineReader.skip_blanks

    def counted(reader: LineReader, up_to: int) -> bool:
        nonlocal steps
        steps += 1
        return skip(reader, up_to)

    monkeypatch.setattr(LineReader, "skip_blanks", counted)
    stream = cast("IO[bytes]", Repeated(b"\n", size, b"a\n"))
    source = JsonLines("feed", lambda: stream, batch_lines=100)  # type: ignore[arg-type,return-value]
    messages = [message for batch in source.batches(None) for message in batch.messages]
    assert messages == [RawMessage(size, b"a")]
    assert steps < 1_000 * size // 1024**3


LITTLE_MEMORY = """
import resource, sys
from pathlib import Path
from consumers.sources.json_lines import JsonLines
limit = 200 * 1024**2
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
for batch in JsonLines.of_file(Path(sys.argv[1]), batch_lines=100).batches(None):
    for message in batch.messages:
        print(message.offset, message.size, len(message.body), message.sha256)
"""


@pytest.mark.parametrize("size", LARGE)
def test_a_large_line_is_measured_in_little_memory(tmp_path: Path, size: int) -> None:
    # given a file that decompresses to two good lines and one large line between them
    file = tmp_path / "large.jsonl.gz"
    digest = hashlib.sha256()
    with gzip.open(file, "wb", compresslevel=1) as stream:
        stream.write(b"{}\n")
        for _ in range(size // 1024**2):
            piece = b"x" * 1024**2
            digest.update(piece)
            stream.write(piece)
        stream.write(b"\n[]\n")
    # when it is read by a process that may have 200 MiB
    ran = subprocess.run([sys.executable, "-c", LITTLE_MEMORY, file], cwd=ROOT, capture_output=True, text=True)
    # then the large one is known by size and SHA-256, and its beginning is kept
    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.splitlines() == [
        f"0 2 2 {hashlib.sha256(b'{}').hexdigest()}",
        f"1 {size} {KEPT_BYTES} {digest.hexdigest()}",
        f"2 2 2 {hashlib.sha256(b'[]').hexdigest()}",
    ]
