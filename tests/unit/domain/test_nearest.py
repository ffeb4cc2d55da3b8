"""given names that are known, then a wrong one is answered with those that are like it."""

from domain.nearest import did_you_mean, near, suggested

KNOWN = ["overdue", "orders", "ORDER-LINES", "follow-ups"]


def test_the_likest_names_are_found_in_any_case() -> None:
    assert near("OVERDEU", KNOWN) == ["overdue", "orders"]
    assert near("order-line", KNOWN, 1) == ["ORDER-LINES"]
    assert near("zzz", KNOWN) == []


def test_a_message_ends_with_them_or_with_nothing() -> None:
    assert suggested(["a", "b"]) == "; the nearest: a, b"
    assert suggested([]) == ""
    assert did_you_mean("overdeu", KNOWN) == "; did you mean overdue?"
    assert did_you_mean("zzz", KNOWN) == ""
