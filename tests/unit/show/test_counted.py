"""given a number, then its noun is in the singular or the plural."""

from domain.counted import counted


def test_one_is_singular_and_any_other_number_is_plural() -> None:
    assert [counted(number, "row") for number in (0, 1, 2, 1_234)] == ["0 rows", "1 row", "2 rows", "1,234 rows"]
