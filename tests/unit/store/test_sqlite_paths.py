"""A path names the file that it names, whatever characters it has."""

from pathlib import Path

import pytest

from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.opening import Access

NAMES = ("50%.db", "a%20b.db", "what?.db", "a?mode=memory", "a#b.db", "file:x.db", "ein lager.db", "x&y=z.db")


@pytest.mark.parametrize("name", NAMES)
def test_a_store_is_the_file_that_its_path_names(tmp_path: Path, name: str) -> None:
    settings = Settings(store=f"sqlite:///{tmp_path}/{name}")
    with Waybill(settings) as waybill:
        assert waybill.project() == 0
    with Waybill(settings, access=Access.READING) as waybill:
        assert waybill.runner.position() == 0
    made = {file.name.removesuffix("-wal").removesuffix("-shm") for file in tmp_path.iterdir()}
    assert made == {name}


def test_a_relative_path_does_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with Waybill(Settings(store="sqlite:///what?.db")):
        pass
    assert (tmp_path / "what?.db").is_file()
