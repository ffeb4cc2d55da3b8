"""Checking a file: what does not fit is an error with line and field, what would be ignored is a warning."""

import gzip
import io
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from consumers.check.checking import ERROR, WARNING, Checking, Finding, NotAMessage
from consumers.contract import EXAMPLES, ReadingRules
from consumers.sources.json_lines import JsonLines

NOW = datetime(2026, 8, 1, tzinfo=UTC)
PLACED = EXAMPLES["order.placed.v1"]
REGISTERED = EXAMPLES["rep.registered.v1"]


def with_data(message: dict[str, Any], **data: Any) -> dict[str, Any]:
    return {**message, "data": {**message["data"], **data}}


def checked(*lines: bytes | dict[str, Any], most: int = 100, content: bytes | None = None, **rules: Any) -> Checking:
    run = Checking(ReadingRules(**{"max_bytes": 10_000, **rules}), lambda: NOW, most=most)
    written = b"\n".join(line if isinstance(line, bytes) else msgspec.json.encode(line) for line in lines)
    stream = io.BytesIO(written if content is None else content)
    run.check("a.jsonl", JsonLines("a", lambda: io.BufferedReader(stream), batch_lines=1_000))
    return run


def found(run: Checking) -> list[tuple[str, int, str, str]]:
    return [(one.level, one.line, one.field, one.problem) for one in [*run.errors, *run.warnings]]


def test_messages_that_fit_leave_no_finding() -> None:
    run = checked(*EXAMPLES.values(), b"", b"  ")

    assert run.fits and not found(run)
    assert (run.messages, run.malformed) == (len(EXAMPLES), 0)


def test_each_field_at_fault_is_an_error_with_its_line() -> None:
    wrong = {**with_data(PLACED, segment="b3b", currency="eur"), "time": "yesterday"}

    run = checked(REGISTERED, b"", wrong)

    assert not run.fits and run.malformed == 1
    assert run.errors == [
        Finding(ERROR, "a.jsonl", 3, field, problem, PLACED["source"], PLACED["id"], PLACED["type"])
        for field, problem in (
            ("time", 'must be an RFC 3339 instant with an offset, like 2026-03-01T09:00:00Z, but is "yesterday"'),
            ("data.segment", 'must be b2b or b2c, but is "b3b"'),
            ("data.currency", 'must be a currency code of ISO 4217, like EUR, perhaps EUR, but is "eur"'),
        )
    ]


def test_fields_beyond_the_first_three_are_counted() -> None:
    run = checked({**PLACED, "id": "", "time": "", "subject": "", "specversion": "2", "data": {}})

    assert [one.field for one in run.errors[:3]] == ["specversion", "id", "time"]
    assert run.errors[3].field == "message" and run.errors[3].problem.endswith("more fields of it are wrong")


def test_bytes_that_are_no_message_are_errors() -> None:
    run = checked(b"{", b"\xff", b"[]", b'"' + b"x" * 20_000 + b'"')

    assert [(one.line, one.field) for one in run.errors] == [(n, "message") for n in (1, 2, 3, 4)]
    assert run.errors[3].problem.startswith("must have at most 10000 bytes, but has 20002")


def test_ignored_fields_are_warnings_by_type_and_field() -> None:
    rows = [{**line, "color": "red"} for line in PLACED["data"]["lines"]]
    first = with_data(PLACED, referense="X", lines=rows)
    second = {**with_data(PLACED, referense="Y"), "id": "other"}

    run = checked(REGISTERED, first, second)

    assert run.fits
    assert found(run) == [
        (WARNING, 2, "data.lines[].color", "ignored: order.placed.v1 has no such field"),
        (
            WARNING,
            2,
            "data.referense",
            "ignored in 2 messages, first in this one: order.placed.v1 has no such field; did you mean reference?",
        ),
    ]


def test_an_id_with_other_content_is_a_warning_and_a_repeat_is_none() -> None:
    same = with_data(PLACED, lines=[dict(reversed(line.items())) for line in reversed(PLACED["data"]["lines"])])
    other = with_data(PLACED, reference="another")
    elsewhere = {**other, "subject": "SO-other"}

    run = checked(PLACED, same, elsewhere, other)

    assert run.fits
    subject, content = found(run)
    assert subject[:3] == (WARNING, 3, "id") and content[:3] == (WARNING, 4, "id")
    assert subject[3].startswith("the source and id of line 1 with another subject: both are taken")
    assert content[3].startswith("the source and id of line 1 with other content")


def test_misspelt_attributes_and_names_given_twice_are_warnings() -> None:
    attributes = {**PLACED, "correlationId": "C-1", "Time": "x", "caustionid": "x", "partitionkey": "an extension"}
    twice = msgspec.json.encode(PLACED).replace(b'"lines":', b'"lines":7,"lines":')

    run = checked(attributes, twice)

    assert run.fits
    assert sorted(found(run)) == [
        (WARNING, 1, "Time", "ignored: CloudEvents has no such attribute; did you mean time?"),
        (WARNING, 1, "caustionid", "ignored: CloudEvents has no such attribute; did you mean causationid?"),
        (WARNING, 1, "correlationId", "ignored: CloudEvents has no such attribute; did you mean correlationid?"),
        (WARNING, 2, "lines", "given twice: the last one counts; leave the others out"),
    ]


@pytest.mark.parametrize(
    ("lines", "kinds"),
    [
        ([b"{", b'"id": "x",', b"}"], {NotAMessage.PART: 3}),
        ([b"[{}, {}]"], {NotAMessage.LIST: 1}),
        (["{}".encode("utf-16")], {NotAMessage.UTF_16: 1}),
        ([b"{}", with_data(PLACED, segment="B2B")], {}),
    ],
)
def test_what_is_no_message_at_all_is_told_apart(lines: list[Any], kinds: dict[NotAMessage, int]) -> None:
    assert checked(*lines).not_a_message == kinds


def test_a_file_without_messages_is_a_warning() -> None:
    assert found(checked(b"", b" ")) == [(WARNING, 1, "file", "has no messages")]


def test_reused_ids_are_found_among_more_messages_than_memory_holds() -> None:
    many = [{**REGISTERED, "id": f"R-{number % 9_999}", "subject": "rep-1"} for number in range(10_000)]
    many[-1] = with_data(many[-1], name="Another")

    assert [line for _, line, _, _ in found(checked(*many))] == [10_000]


def test_recordedtime_counts_only_with_history() -> None:
    ahead = {**PLACED, "recordedtime": (NOW + timedelta(days=1)).isoformat()}

    assert checked(ahead).fits
    (error,) = checked(ahead, honour_recordedtime=True).errors
    assert error.field == "recordedtime" and error.problem.startswith("must not be ahead of the clock")


def test_what_is_not_listed_is_counted() -> None:
    run = checked(
        *[b"{"] * 7, *[{**PLACED, "id": str(n), "data": {**PLACED["data"], f"f{n}": 1}} for n in range(5)], most=2
    )

    assert (len(run.errors), len(run.warnings)) == (2, 2)
    assert run.counts == {ERROR: 7, WARNING: 5}


def test_a_damaged_file_does_not_fit_and_what_was_read_of_it_counts() -> None:
    whole = gzip.compress(msgspec.json.encode(PLACED) + b"\n" + b"{}\n" * 3, mtime=0)

    assert checked(content=whole).malformed == 3
    run = checked(content=whole[:-9])
    assert not run.fits
    assert run.errors[-1].field == "file" and "cut short" in run.errors[-1].problem
