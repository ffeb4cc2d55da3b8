"""docs/architecture.md is one page, and every file that it names exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")
ONE_PAGE = 110
"""Lines."""


def test_it_is_one_page() -> None:
    assert len(PAGE.splitlines()) <= ONE_PAGE


def test_every_file_that_it_names_is_there() -> None:
    names = set(re.findall(r"`([\w/]+(?:\.py|/))`", PAGE)) | set(re.findall(r"\(([\w/]+\.md|decisions/)\)", PAGE))
    missing = {name for name in names if not _is_there(name)}
    assert not missing
    assert len(names) > 30


def _is_there(name: str) -> bool:
    """Whether some file or folder of ours ends so; the page leaves out what a line has said before."""
    folders = ("domain", "projections", "consumers", "infra", "docs")
    return (ROOT / name).exists() or any(found for folder in folders for found in (ROOT / folder).glob(f"**/{name}"))
