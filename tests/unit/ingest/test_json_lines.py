"""Reading a file of JSON Lines on from where it was left."""

import io

from consumers.sources.json_lines import JsonLines
from consumers.sources.source import Batch, FeedPosition


def read(content: bytes, resume: FeedPosition | None = None, batch_lines: int = 2) -> list[Batch]:
    return list(JsonLines("feed", lambda: io.BytesIO(content), batch_lines=batch_lines).batches(resume))


def bodies(batches: list[Batch]) -> list[tuple[int, bytes]]:
    return [(message.offset, message.body) for batch in batches for message in batch.messages]


def test_blank_lines_are_no_messages_and_every_line_has_its_number() -> None:
    assert bodies(read(b"\xef\xbb\xbfa\n\n b \r\nc")) == [(0, b"a"), (2, b"b"), (3, b"c")]


def test_reading_goes_on_after_any_batch() -> None:
    whole = read(b"a\nb\nc\nd\ne\n")
    for index, batch in enumerate(whole):
        rest = read(b"a\nb\nc\nd\ne\n", batch.end)
        assert bodies(rest) == bodies(whole[index + 1 :])
        assert all(read.start.bytes_read >= batch.end.bytes_read for read in rest)


def test_a_file_that_is_another_one_is_read_from_its_beginning() -> None:
    left_at = read(b"a\nb\nc\n")[0].end
    batches = read(b"A\nb\nc\n", left_at)
    assert batches[0].start == FeedPosition()
    assert bodies(batches) == [(0, b"A"), (1, b"b"), (2, b"c")]


def test_an_empty_stream_in_place_of_what_was_read_is_told_by_an_empty_batch() -> None:
    left_at = read(b"a\nb\n")[0].end
    assert read(b"", left_at) == [Batch((), FeedPosition(), FeedPosition())]


def test_a_line_that_was_written_to_its_end_meanwhile_is_read_whole() -> None:
    # given a file whose last line was half written when it was read
    (batch,) = read(b'a\n{"id":')
    assert bodies([batch]) == [(0, b"a"), (1, b'{"id":')]
    # when the line is complete, then the whole of it comes, and what follows
    assert bodies(read(b'a\n{"id":1}\nb\n', batch.end)) == [(2, b'{"id":1}'), (3, b"b")]
    # but a line end alone makes it no other message
    assert bodies(read(b'a\n{"id":\nb\n', batch.end)) == [(3, b"b")]
