"""docs/decisions: each decision has a number of its own, in its file's name and in its title."""

from pathlib import Path

DECISIONS = sorted((Path(__file__).parents[2] / "docs" / "decisions").glob("*.md"))


def test_no_two_decisions_have_one_number() -> None:
    numbers = [path.name.partition("-")[0] for path in DECISIONS]
    assert len(numbers) == len(set(numbers)) > 20


def test_the_title_has_the_number_of_the_file() -> None:
    wrong = [path.name for path in DECISIONS if not path.read_text("utf-8").startswith(f"# {path.name[:3]} ")]
    assert wrong == []
