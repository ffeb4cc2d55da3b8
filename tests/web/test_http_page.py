"""docs/http.md: each command on the page gets the answer that stands below it."""

import json
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.integration.messages import line, message, placed
from tests.stores.conftest import StoreUrl
from tests.web.conftest import Served, served_web

PAGE = Path(__file__).parents[2] / "docs" / "http.md"
ADDRESS = "http://127.0.0.1:8400"
WORKED = re.compile(r"```sh\n(.*?)```\n\n```(json|csv)\n(.*?)```", re.DOTALL)
EXAMPLES = [tuple(found) for found in WORKED.findall(PAGE.read_text("utf-8"))]
NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)

pytestmark = pytest.mark.skipif(shutil.which("curl") is None, reason="the page's commands need curl")


@pytest.fixture
def desk(sqlite_store: StoreUrl) -> Iterator[Served]:
    """Two orders, of which one is overdue, and a rescheduling that came after its order was cancelled."""
    with served_web(sqlite_store(), clock=lambda: NOW) as served:
        served.seed(
            placed("SO-10", "2026-02-27T09:00:00Z", "2026-03-02T09:00:00Z", line(1, 2, "40.00"), line(2, 5, "7.50")),
            placed("SO-11", "2026-02-27T10:00:00Z", "2026-03-06T16:00:00Z", line(1, 3, "12.00"), rep_id="rep-2"),
            message("order.cancelled", "SO-11", "2026-02-28T10:00:00Z", {"reason": "out of stock"}),
            message("order.rescheduled", "SO-11", "2026-03-01T10:00:00Z", {"promised_by": "2026-03-09", "reason": "x"}),
        )
        yield served


def test_the_page_has_examples() -> None:
    assert len(EXAMPLES) >= 6


def test_each_command_gets_the_answer_that_stands_below_it(desk: Served) -> None:
    for command, language, told in EXAMPLES:
        arguments = shlex.split(command.replace(ADDRESS, desk.url))
        answer = subprocess.run(arguments, stdout=subprocess.PIPE, check=True, text=True).stdout
        if language == "csv":
            assert answer == told, command
        else:
            # A long answer is broken at spaces, also within texts.
            assert json.loads(answer) == json.loads(" ".join(told.splitlines())), command
