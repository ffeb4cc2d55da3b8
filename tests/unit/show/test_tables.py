"""given rows and a screen, then a table shows what fits, and says what it left out."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from infra.cli.tables.cells import text_cell
from infra.cli.tables.columns import (
    NO_CHOICE,
    ColumnChoice,
    UnknownColumnError,
    chosen_columns,
    columns_that_fit,
    widened,
)
from infra.cli.tables.importance import VIEW_COLUMNS
from infra.cli.tables.layout import AsRecords, Laid, Room, laid_out
from infra.cli.tables.records import Field, record_in_two_columns, record_lines
from infra.cli.tables.wrapping import around_commands, wrapped
from projections.views.catalogue import VIEWS
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view

NOON = datetime(2026, 3, 6, 12, tzinfo=UTC)
SCREEN = Room(40, 24)
SCREEN_FOR_TEXT = Room(56, 24)
TEXT_FIRST = ("order_id", "reason", "hours")


def row(number: int, **cells: Any) -> dict[str, Any]:
    return {"order_id": f"SO-{number:06}", "promised_by": NOON, "hours": Decimal("1.25"), "reason": "lost", **cells}


COLUMNS = ("order_id", "reason", "promised_by", "hours")
ROWS = [row(number) for number in range(5)]


def laid(
    rows: list[dict[str, Any]],
    room: Room | None = SCREEN,
    importance: tuple[str, ...] = (),
    choice: ColumnChoice = NO_CHOICE,
    records: AsRecords = AsRecords.IF_FEW,
) -> Laid:
    return laid_out(COLUMNS, rows, room, importance=importance, choice=choice, records=records)


def lines(found: Laid) -> list[str]:
    return [line.plain for line in found.lines]


@pytest.mark.parametrize(
    ("room", "importance", "fitting"),
    [
        (100, (), ("a", "b", "c")),
        (17, (), ("a", "b")),
        (17, ("c",), ("a", "c")),
        (12, ("b",), ("b",)),
        (9, (), ("a",)),
        (9, ("a", "b", "c"), ("a", "c")),
        (1, (), ()),
    ],
)
def test_the_most_important_columns_that_fit_are_shown_in_their_order(
    room: int, importance: tuple[str, ...], fitting: tuple[str, ...]
) -> None:
    assert columns_that_fit({"a": 5, "b": 10, "c": 2}, importance, room) == fitting


@pytest.mark.parametrize(("room", "fitting"), [(24, ("a", "text", "b")), (23, ("a", "text"))])
def test_columns_that_nobody_named_are_shown_after_free_text_has_room(room: int, fitting: tuple[str, ...]) -> None:
    assert columns_that_fit({"a": 2, "text": 5, "b": 3}, ("a", "text"), room, {"text": 10}) == fitting


def test_an_instant_in_a_text_is_readable_unless_the_sender_wrote_it() -> None:
    told = 'confirmed before, at 2026-09-28T10:52:06.935000+00:00; "2026-09-28T10:52:06+00:00" is not'
    readable = 'confirmed before, at 2026-09-28 10:52:06Z; "2026-09-28T10:52:06+00:00" is not'
    assert text_cell(told) == readable


def test_what_is_left_of_the_width_goes_to_those_that_want_more() -> None:
    assert widened({"a": 5, "b": 10, "c": 10}, {"a": 5, "b": 12, "c": 40}, 60) == {"a": 5, "b": 12, "c": 39}


@pytest.mark.parametrize(
    ("text", "names"), [("stage", ("stage",)), (" order_id, order-id,stage ", ("order_id", "stage"))]
)
def test_columns_are_chosen_by_name(text: str, names: tuple[str, ...]) -> None:
    assert chosen_columns(text, ["order_id", "rep_id", "stage"]) == names


@pytest.mark.parametrize(("text", "said"), [("stag", "did you mean stage?"), ("x", "The columns are order_id, stage")])
def test_an_unknown_column_is_refused_with_the_nearest(text: str, said: str) -> None:
    with pytest.raises(UnknownColumnError, match=said.replace("?", r"\?")):
        chosen_columns(text, ["order_id", "stage"])


def test_every_view_has_its_columns_in_order_of_importance() -> None:
    columns = {view.relation: set(view.columns) for view in VIEWS}
    columns["rep_scorecard"] |= {name for by in Grouping for name in scorecard_view(by, contacts=True).columns}
    assert set(VIEW_COLUMNS) == set(columns)
    for relation, names in VIEW_COLUMNS.items():
        assert set(names) <= columns[relation], relation
        assert len(set(names)) == len(names), relation


def test_a_table_that_fits_is_shown_whole() -> None:
    found = laid(ROWS, Room(50, 24))
    assert lines(found)[:2] == [
        "order_id   reason  promised_by        hours",
        "SO-000000  lost    2026-03-06 12:00Z   1.25",
    ]
    assert not found.left_out


def test_a_narrow_table_leaves_columns_out_and_says_so() -> None:
    found = laid(ROWS, importance=("order_id", "promised_by"))
    assert lines(found)[:2] == ["order_id   reason  promised_by", "SO-000000  lost    2026-03-06 12:00Z"]
    assert found.left_out == ["hours"]


def test_free_text_is_wrapped_in_its_column_and_nothing_else_is() -> None:
    found = laid(
        [row(n, reason="the order is not known yet, and waits for it") for n in range(5)], SCREEN_FOR_TEXT, TEXT_FIRST
    )
    assert lines(found)[:3] == [
        "order_id   reason                                  hours",
        "SO-000000  the order is not known yet, and waits    1.25",
        "           for it",
    ]
    assert found.left_out == ["promised_by"]


def test_free_text_that_is_too_long_is_shortened_and_said_to_be() -> None:
    found = laid([row(n, reason="word " * 100) for n in range(5)], SCREEN_FOR_TEXT, TEXT_FIRST)
    assert lines(found)[3].endswith(" …")
    assert found.shortened == ["reason"]
    assert all(len(line) <= SCREEN_FOR_TEXT.width for line in lines(found))


def test_in_a_pipe_nothing_is_wrapped_or_left_out() -> None:
    text = "word " * 100
    found = laid([row(1, reason=text)], room=None)
    assert len(lines(found)) == 2
    assert text.strip() in lines(found)[1]


def test_wide_shows_all_columns_whole_on_a_terminal_too() -> None:
    assert lines(laid(ROWS, choice=ColumnChoice(wide=True))) == lines(laid(ROWS, room=None))


def test_chosen_columns_are_shown_in_the_order_chosen() -> None:
    found = laid(ROWS, choice=ColumnChoice(("hours", "order_id")))
    assert lines(found)[:2] == ["hours  order_id", " 1.25  SO-000000"]


@pytest.mark.parametrize(
    ("rows", "room", "choice", "records"),
    [
        (ROWS[:1], SCREEN, NO_CHOICE, AsRecords.IF_FEW),
        (ROWS[:2], SCREEN, NO_CHOICE, AsRecords.IF_FEW),
        (ROWS, Room(16, 24), NO_CHOICE, AsRecords.IF_FEW),
        (ROWS, SCREEN, ColumnChoice(COLUMNS), AsRecords.IF_FEW),
        (ROWS, SCREEN, NO_CHOICE, AsRecords.IF_NOT_WHOLE),
    ],
    ids=["one row", "two rows", "a narrow terminal", "chosen columns", "all columns matter"],
)
def test_rows_that_do_not_fit_become_records(
    rows: list[dict[str, Any]], room: Room, choice: ColumnChoice, records: AsRecords
) -> None:
    found = laid(rows, room, choice=choice, records=records)
    assert not found.left_out
    assert sum("SO-" in line for line in lines(found)) == len(rows)
    assert sum("2026-03-06 12:00Z" in line for line in lines(found)) == len(rows)


def test_a_row_of_a_part_of_an_answer_stays_a_row() -> None:
    assert laid(ROWS[:1], records=AsRecords.IF_NARROW).left_out


def test_two_rows_that_do_not_fit_the_screen_as_records_are_a_table() -> None:
    assert laid(ROWS[:2], Room(40, 8)).left_out


def test_a_column_without_values_is_left_out_unless_it_was_chosen() -> None:
    rows = [row(n, reason=None) for n in range(5)]
    assert lines(laid(rows, Room(50, 24)))[0].split() == ["order_id", "promised_by", "hours"]
    assert lines(laid(rows, choice=ColumnChoice(("order_id", "reason"))))[0].split() == ["order_id", "reason"]


def test_a_record_has_a_field_a_line_and_wraps_free_text() -> None:
    told = record_lines([Field("id", "SO-1"), Field("reason", "aaa bbb ccc", free_text=True)], 16)
    assert [line.plain for line in told] == ["id      SO-1", "reason  aaa bbb", "        ccc"]


def test_a_long_id_in_a_record_stays_whole_below_its_name() -> None:
    told = record_lines([Field("id", "x" * 20)], 16)
    assert [line.plain for line in told] == ["id", "  " + "x" * 20]


def test_short_fields_stand_beside_each_other() -> None:
    fields = [Field("a", "1"), Field("b", "2"), Field("c", "3"), Field("d", "long " * 5, free_text=True)]
    told = [line.plain for line in record_in_two_columns(fields, 21)]
    assert told == ["a  1   c  3", "b  2", "d  long long long", "   long long"]


def test_an_instant_in_a_text_is_not_broken() -> None:
    assert wrapped("expected 2026-03-06 12:00Z by them", 18).lines == ("expected", "2026-03-06 12:00Z", "by them")


def test_wide_characters_count_twice() -> None:
    assert wrapped("漢字 漢字", 6).lines == ("漢字", "漢字")


@pytest.mark.parametrize(
    ("said", "lines"),
    [
        ("views up to date: waybill status", ["views up to date: waybill status"]),
        (
            "the earlier rows stay where they are: waybill rebuild --all --back, or later",
            ["the earlier rows stay where they are:", "waybill rebuild --all --back, or later"],
        ),
        (
            "to undo it: waybill dead-letters restore --matching 'no such order, yet' --discarded-by ann --do",
            ["to undo it:", "waybill dead-letters restore --matching 'no such order, yet' --discarded-by ann --do"],
        ),
        ("one\n\ntwo, and then some words more than there is room for", None),
    ],
)
def test_no_line_break_of_a_note_falls_into_a_command_to_paste(said: str, lines: list[str] | None) -> None:
    told = around_commands(said, 40)
    assert told.split("\n") == (lines or ["one", "", "two, and then some words more than there", "is room for"])
