"""A file that is there whole or not at all."""

from pathlib import Path

import pytest

from infra.export.whole_file import whole_file


def test_what_was_there_stays_until_all_is_written(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("before")
    with pytest.raises(RuntimeError), whole_file(path) as part:
        part.write_text("half")
        raise RuntimeError
    assert [file.name for file in tmp_path.iterdir()] == ["rows.csv"]
    assert path.read_text() == "before"


def test_what_takes_the_place_of_a_private_file_is_private(tmp_path: Path) -> None:
    path = tmp_path / "rows.csv"
    path.write_text("before")
    path.chmod(0o600)
    with whole_file(path) as part:
        assert part.stat().st_mode & 0o777 == 0o600
        part.write_text("after")
    assert (path.read_text(), path.stat().st_mode & 0o777) == ("after", 0o600)


def test_through_a_link_what_it_points_to_is_written(tmp_path: Path) -> None:
    path, link = tmp_path / "rows.csv", tmp_path / "link.csv"
    path.write_text("before")
    link.symlink_to(path)
    with whole_file(link) as part:
        part.write_text("after")
    assert link.is_symlink()
    assert path.read_text() == "after"
