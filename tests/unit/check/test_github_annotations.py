"""Findings as annotations: GitHub's separators and line ends in them are escaped as it unescapes them."""

from pathlib import Path

from consumers.check.checking import ERROR, WARNING, Finding
from infra.cli.github_annotations import annotation, in_workspace


def test_an_annotation_names_file_line_and_field() -> None:
    error = Finding(ERROR, "feeds/a.jsonl", 3, "data.segment", "must be b2b or b2c", type="order.placed.v1")

    assert annotation(error) == (
        "::error file=feeds/a.jsonl,line=3,title=order.placed.v1 data.segment::data.segment: must be b2b or b2c"
    )
    assert annotation(error._replace(level=WARNING)).startswith("::warning file=")


def test_separators_and_line_ends_are_escaped() -> None:
    hostile = Finding(ERROR, "a,b:c%\n.jsonl", 1, "x", "50 %, a: b\r\n::error::\x1b[2J")

    said = annotation(hostile)

    assert said == "::error file=a%2Cb%3Ac%25%0A.jsonl,line=1,title=x::x: 50 %25, a: b%0D%0A::error::\\x1b[2J"


def test_a_path_is_relative_to_the_workspace(tmp_path: Path) -> None:
    file = tmp_path / "feeds" / "a.jsonl"
    file.parent.mkdir()
    file.touch()

    assert in_workspace(str(file), str(tmp_path)) == "feeds/a.jsonl"
    assert in_workspace(str(file), "/elsewhere") == in_workspace(str(file), None) == str(file)
    assert in_workspace("stdin", str(tmp_path)) == "stdin"
