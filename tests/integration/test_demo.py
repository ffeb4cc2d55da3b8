"""`waybill demo` on a small scale and without a terminal, as in CI."""

import json
import os
import re
import socket
import sqlite3
import subprocess
import sys
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

WAYBILL = Path(sys.executable).parent / "waybill"
STORE = ".local/demo/demo.db"


def run(folder: Path, *arguments: str, store: str = "") -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
    if store:
        environment["WAYBILL_STORE"] = f"sqlite:///{store}"
    return subprocess.run(
        [WAYBILL, *arguments],
        cwd=folder,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
    )


def asked(folder: Path, *arguments: str) -> Any:
    answer = run(folder, *arguments, "--format", "json", store=STORE)
    assert answer.returncode == 0, answer.stderr
    return json.loads(answer.stdout)


def order_ids(rows: Sequence[dict[str, Any]]) -> set[str]:
    return {row["order_id"] for row in rows}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo")


@pytest.fixture(scope="module")
def shown(folder: Path) -> str:
    demo = run(folder, "demo", "--orders", "200", "--seed", "7")
    assert demo.returncode == 0, demo.stderr
    assert "Traceback" not in demo.stderr
    return demo.stdout


@pytest.mark.parametrize(
    "section",
    [
        "Three months of messages",
        "Views",
        "Messages in reverse order",
        "A late delivery report",
        "What to try next",
    ],
)
def test_shows_its_sections(shown: str, section: str) -> None:
    assert f"== {section} ==" in shown


def test_shows_the_books_and_every_view(shown: str) -> None:
    assert "received  applied  duplicate  held  dead" in shown
    for verb in ("overdue", "at-risk", "workload", "late", "follow-ups"):
        assert f"all: waybill {verb}\n" in shown


def test_shows_a_held_message_that_was_taken(shown: str) -> None:
    assert re.search(r"NL-DEMO-1 +held +order SO-900001 is not known yet", shown)
    assert re.search(r"NL-DEMO-1 +held +applied +", shown)


def test_leaves_a_store_that_verifies(folder: Path, shown: str) -> None:
    assert asked(folder, "verify")["findings"] == []


def test_its_two_clocks_differ_by_the_late_delivery(folder: Path, shown: str) -> None:
    both_clocks = re.search(r"^waybill (overdue --as-of (\S+) --known-at \S+)$", shown, re.MULTILINE)
    late = re.search(r"^waybill order (\S+)$", shown, re.MULTILINE)
    assert both_clocks and late

    true = order_ids(asked(folder, "overdue", "--as-of", both_clocks[2]))
    believed = order_ids(asked(folder, *both_clocks[1].split()))

    assert believed - true == {late[1]}
    assert true <= believed


def test_it_can_end_by_serving_its_pages_at_a_free_port_if_the_usual_one_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        demo = subprocess.Popen(
            [WAYBILL, "demo", "--orders", "5", "--serve"],
            cwd=tmp_path,
            env={**os.environ, "WAYBILL_SERVE": address},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        try:
            assert demo.stdout is not None
            page = next(
                found[1] for line in demo.stdout if (found := re.match(r"Open (http://\S+/) in a browser", line))
            )
            assert address not in page
            parts = httpx.get(f"{page}healthz").json()["parts"]
            assert [part["part"] for part in parts] == ["project", "react", "serve"]
            assert httpx.get(page).status_code == 200
        finally:
            demo.terminate()
            demo.communicate(timeout=60)
    assert demo.returncode == 0


def test_a_second_run_replaces_its_own_files_and_no_others(tmp_path: Path) -> None:
    mine = tmp_path / "waybill.db"
    mine.write_text("not the demo's")
    for _ in range(2):
        demo = run(tmp_path, "demo", "--orders", "5", "--store-folder", ".")
        assert demo.returncode == 0, demo.stderr

    assert mine.read_text() == "not the demo's"
    books = json.loads(run(tmp_path, "status", "--format", "json", store="demo.db").stdout)["books"]
    lines = (tmp_path / "floor.jsonl").read_bytes().count(b"\n")
    # On some days an order follows from a standing order of the floor.
    with closing(sqlite3.connect(tmp_path / "demo.db")) as store:
        (derived,) = store.execute("SELECT count(*) FROM derived_messages").fetchone()
    assert books["received"] == lines + 4 + derived
