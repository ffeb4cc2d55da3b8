"""given a desk's week in small (../shared/cases), then the command gives the true answer that stands beside each case.

In any order of arrival on SQLite, and in a shuffled one on PostgreSQL: what differs there is the store, not the order.
"""

from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest

from tests.integration.command import Command, Nursery
from tests.oracle.cases import Case, cases
from tests.stores.conftest import StoreUrl, new_databases, postgres_server

__all__ = ["postgres_server"]  # a fixture of that folder which is used here

LATER_VIEWS = ("carriers",)
"""Views that this version does not have yet."""
CASES = [case for case in cases() if case is None or case.view not in LATER_VIEWS]


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[StoreUrl]:
    if request.param == "postgresql":
        with new_databases(request.getfixturevalue("postgres_server")) as make:
            yield make
    else:
        numbers = iter(range(100))
        yield lambda: f"sqlite:///{tmp_path}/case-{next(numbers)}.db"


def orders_of_arrival(lines: list[bytes]) -> list[list[bytes]]:
    shuffled = list(lines)
    Random(len(lines)).shuffle(shuffled)
    return [lines, lines[::-1], shuffled]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_true_answer_in_any_order_of_arrival(
    case: Case | None, store: StoreUrl, nursery: Nursery, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if case is None:
        pytest.skip("there is no folder ../shared/cases")
    orders = orders_of_arrival(case.lines)
    for lines in orders[-1:] if "postgresql" in request.node.name else orders:
        waybill = Command(nursery, tmp_path, WAYBILL_LOG_LEVEL="error", WAYBILL_STORE=store())
        file = tmp_path / "case.jsonl"
        file.write_bytes(b"\n".join(lines))

        waybill("ingest", str(file)).done()

        as_of = case.as_of.isoformat()
        case.expect(list(waybill.ask(case.view, "--as-of", as_of)))
        waybill("verify").done()
        for message_id, names in case.ignored.items():
            source = next(line["source"] for line in case.messages if line["id"] == message_id)
            (told,) = waybill.ask("message", source, message_id)
            assert sorted(told["ignored"]) == sorted(names)
