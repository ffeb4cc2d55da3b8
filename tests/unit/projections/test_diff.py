"""given rows before and after, then these differ, by key and column by column."""

import pytest

from projections.diff import ColumnChange, RowChange, diff

NAMES = ("order_id", "line", "rep_id", "stage")
KEY = ("order_id", "line")


def test_equal_rows_do_not_differ_whatever_their_order() -> None:
    rows = [("SO-1", 1, "ann", "booked"), ("SO-2", 1, "bob", None)]
    assert diff(NAMES, KEY, rows, reversed(rows)) == []


def test_a_changed_row_is_told_in_the_columns_that_differ() -> None:
    before, after = [("SO-1", 1, "ann", "booked")], [("SO-1", 1, "ann", "in_transit")]
    change = ColumnChange(column="stage", before="booked", after="in_transit")
    assert diff(NAMES, KEY, before, after) == [RowChange("changed", ("SO-1", 1), (change,))]


def test_a_row_that_was_added_is_told_in_all_its_columns() -> None:
    (change,) = diff(NAMES, KEY, [], [("SO-1", 1, "ann", None)])
    assert (change.kind, change.key) == ("added", ("SO-1", 1))
    assert [(column.column, column.before, column.after) for column in change.columns] == [
        ("order_id", None, "SO-1"),
        ("line", None, 1),
        ("rep_id", None, "ann"),
        ("stage", None, None),
    ]


def test_a_row_that_is_gone_is_told_in_all_its_columns() -> None:
    (change,) = diff(NAMES, KEY, [("SO-1", 1, "ann", None)], [])
    assert (change.kind, change.key) == ("gone", ("SO-1", 1))
    assert [column.before for column in change.columns] == ["SO-1", 1, "ann", None]


def test_a_null_that_becomes_a_value_is_a_change() -> None:
    (change,) = diff(NAMES, KEY, [("SO-1", 1, "ann", None)], [("SO-1", 1, "ann", "booked")])
    assert change.columns == (ColumnChange("stage", None, "booked"),)


def test_a_row_whose_key_changed_is_gone_and_another_was_added() -> None:
    changes = diff(NAMES, KEY, [("SO-1", 1, "ann", None)], [("SO-1", 2, "ann", None)])
    assert [(change.kind, change.key) for change in changes] == [("gone", ("SO-1", 1)), ("added", ("SO-1", 2))]


def test_changes_are_told_in_the_order_of_their_keys_null_first() -> None:
    names = ("rep_id", "open_orders")
    after = [("bob", 1), (None, 2), ("ann", 3)]
    assert [change.key for change in diff(names, ("rep_id",), [], after)] == [(None,), ("ann",), ("bob",)]


def test_two_different_rows_with_one_key_are_an_error() -> None:
    with pytest.raises(ValueError, match="two rows have the key"):
        diff(NAMES, KEY, [], [("SO-1", 1, "ann", None), ("SO-1", 1, "bob", None)])
