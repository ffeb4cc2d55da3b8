"""Tracked files are whole: a merge left no conflict in them."""

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MARKER = re.compile(rb"^(<<<<<<< |>>>>>>> |=======$)", re.MULTILINE)


def test_no_tracked_text_file_has_the_markers_of_a_merge_conflict() -> None:
    found = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True)
    if found.returncode != 0:
        pytest.skip("needs a git checkout")
    paths = [ROOT / name.decode() for name in found.stdout.split(b"\0") if name]
    contents = {path: path.read_bytes() for path in paths if path.is_file()}
    texts = {path: content for path, content in contents.items() if b"\0" not in content}
    assert [str(path.relative_to(ROOT)) for path, content in texts.items() if MARKER.search(content)] == []
