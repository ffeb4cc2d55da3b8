"""given an answer as known then and one as known today, then each row and value tells whether it reads the same."""

from typing import Any

from infra.queries.differing import differences

THEN: list[dict[str, Any]] = [
    {"order_id": "SO-1", "carrier": "Swift", "hours": 4},
    {"order_id": "SO-2", "carrier": "Swift", "hours": 5},
    {"order_id": "SO-3", "carrier": None, "hours": 6},
]
TODAY: list[dict[str, Any]] = [
    {"order_id": "SO-1", "carrier": "Swift", "hours": 4},
    {"order_id": "SO-2", "carrier": "Northline", "hours": 5},
    {"order_id": "SO-4", "carrier": None, "hours": 1},
]


def test_a_row_differs_in_the_columns_that_read_otherwise_today() -> None:
    found = differences(("order_id",), THEN, TODAY)

    assert [found.row(row) for row in THEN] == [False, True, True]
    assert [found.cell(THEN[1], name) for name in ("order_id", "carrier", "hours")] == [False, True, False]
    assert found.today(THEN[1]) == TODAY[1]


def test_a_row_that_is_none_today_differs_in_all_and_one_that_is_new_is_missing() -> None:
    found = differences(("order_id",), THEN, TODAY)

    assert found.today(THEN[2]) is None
    assert found.gone == {("SO-3",)}
    assert all(found.cell(THEN[2], name) for name in ("order_id", "hours"))
    assert found.missing == [TODAY[2]]


def test_equal_answers_differ_in_nothing_nor_do_empty_ones() -> None:
    assert not differences(("order_id",), THEN, list(THEN))
    assert not differences(("order_id",), [], [])
    assert differences(("order_id",), [], TODAY).missing == TODAY
