"""Several processes take messages into one store at a time; the views end as though one had done it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from infra.simulation import DEFAULT_UNTIL, simulate
from tests.stores.commands import AS_OF, VIEWS, asked, started

StoreUrl = Callable[[], str]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest) -> StoreUrl:
    fixture = "sqlite_store" if request.param == "sqlite" else "postgres_store"
    made: StoreUrl = request.getfixturevalue(fixture)
    return made


MANY = pytest.mark.slow


@pytest.mark.parametrize("processes", [3, pytest.param(5, marks=MANY), pytest.param(8, marks=MANY)])
def test_shares_of_a_history_and_the_whole_of_it_at_the_same_time(
    store: StoreUrl, tmp_path: Path, processes: int
) -> None:
    # given a history, split into shares that cut through every order, and one file that holds all of it
    lines = list(simulate(60, 11, DEFAULT_UNTIL))
    shares = [_written(tmp_path / f"share-{n}.jsonl", lines[n::processes]) for n in range(processes)]
    whole = _written(tmp_path / "whole.jsonl", lines)
    alone, together = store(), store()
    # when one store gets it from one process, and another gets every share and the whole from processes of their own
    started(alone, "ingest", whole).wait()
    running = [started(together, "ingest", path) for path in (*shares, whole)]
    # then all of them succeed
    assert [process.wait() for process in running] == [0] * (processes + 1)
    # and each message counts once: what came twice is a duplicate
    books = asked(together, "status")["books"]
    assert books["received"] == 2 * len(lines)
    assert books["duplicate"] == len(lines)
    # and the views are those of one process
    for view in VIEWS:
        assert asked(together, view, "--as-of", AS_OF) == asked(alone, view, "--as-of", AS_OF)
    assert asked(together, "verify")["findings"] == []


def _written(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines))
    return path
