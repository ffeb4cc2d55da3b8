"""given rows before and after, then these differ, by key and column by column."""

from itertools import count

import pytest

from projections.diff import ChangeTally, ColumnChange, RowChange, diff, diff_sorted

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


def test_rows_in_the_order_of_their_keys_differ_alike_one_by_one() -> None:
    before = [(None, 1, "ann", None), ("SO-1", 1, "ann", "booked"), ("SO-1", 2, "ann", "x"), ("SO-3", 1, "bob", "x")]
    after = [("SO-1", 1, "bob", "booked"), ("SO-1", 2, "ann", "x"), ("SO-2", 1, "bob", "x"), ("SO-4", 1, "bob", "x")]
    found = list(diff_sorted(NAMES, KEY, before, after))
    assert found == diff(NAMES, KEY, before, after)
    assert [change.kind for change in found] == ["gone", "changed", "added", "gone", "added"]
    # and it reads no further than it tells
    endless = iter(diff_sorted(NAMES, KEY, ((f"SO-{n:09}", 1, "ann", "x") for n in count()), []))
    assert next(endless).key == ("SO-000000000", 1)


@pytest.mark.parametrize("second", ["SO-1", "SO-0", None])
def test_rows_that_are_not_in_the_order_of_their_keys_are_refused(second: str | None) -> None:
    with pytest.raises(ValueError, match="not in order"):
        list(diff_sorted(NAMES, KEY, [("SO-1", 1, "ann", None), (second, 1, "ann", None)], []))


def test_samples_are_the_first_of_each_kind_of_difference_then_the_first_ones_in_their_order() -> None:
    before = [(f"SO-{number}", 1, "ann", "booked") for number in range(1, 7)]
    after = [*((f"SO-{number}", 1, "ann", "in_transit") for number in range(1, 6)), ("SO-6", 1, "bob", "booked")]
    tally = ChangeTally(most_samples=3)
    tally.add(diff(NAMES, KEY, before, [*after, ("SO-7", 1, "ann", None)]))
    assert [change.key[0] for change in tally.samples] == ["SO-1", "SO-6", "SO-7"]
    tally = ChangeTally(most_samples=4)
    tally.add(diff(NAMES, KEY, before, [*after, ("SO-7", 1, "ann", None)]))
    assert [change.key[0] for change in tally.samples] == ["SO-1", "SO-2", "SO-6", "SO-7"]
