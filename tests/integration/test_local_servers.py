"""The servers that development and tests start for themselves end with whoever started them."""

import os
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.integration.broker import listening
from tests.stores.conftest import postgres_server

__all__ = ["postgres_server"]  # a fixture of that folder which is used here

LOCAL = Path(__file__).parents[2] / "infra/local"
SAY_WHERE = 'echo "$WAYBILL_TEST_POSTGRES"'
SECONDS_TO_STOP = 60

pytestmark = pytest.mark.postgres


@pytest.fixture
def copies(postgres_server: str) -> Iterator[tuple[Path, Path]]:
    """Two checkouts of the scripts, where the server's own user can reach them. `postgres_server` skips without one."""
    with tempfile.TemporaryDirectory(prefix="waybill-copies-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        scripts = []
        for copy in ("one", "other"):
            shutil.copytree(LOCAL, folder / copy / "infra/local")
            scripts.append(folder / copy / "infra/local/postgres.sh")
        yield scripts[0], scripts[1]


def start(script: Path, *command: str, **env: str) -> subprocess.Popen[str]:
    """As in a terminal of its own: Ctrl-C there reaches the command and whatever stands beside it."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("WAYBILL_")}
    return subprocess.Popen(
        [script, *command],
        env={**inherited, **env},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        # What runs these tests in the background may ignore Ctrl-C, and so would what it starts.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def first_line(running: subprocess.Popen[str]) -> str:
    assert running.stdout is not None
    return running.stdout.readline().strip()


def port_of(url: str) -> int:
    return int(url.rsplit(":", 1)[1].split("/")[0])


def assert_nothing_is_left(script: Path, url: str) -> None:
    deadline = time.monotonic() + SECONDS_TO_STOP
    while listening(port_of(url)) or list((script.parents[2] / ".local").iterdir()):
        assert time.monotonic() < deadline, f"the server at {url} was left running"
        time.sleep(0.05)


def test_two_runs_side_by_side_have_a_server_each_and_leave_none(copies: tuple[Path, Path]) -> None:
    running = [start(script, "with", "sh", "-c", f"{SAY_WHERE}; read -r _") for script in copies]
    urls = [first_line(one) for one in running]
    assert all(listening(port_of(url)) for url in urls)
    assert len(set(urls)) == 2
    for script, one, url in zip(copies, running, urls, strict=True):
        one.communicate("end\n")
        assert one.returncode == 0
        assert_nothing_is_left(script, url)


def test_a_run_that_fails_leaves_no_server_and_its_own_exit_code(copies: tuple[Path, Path]) -> None:
    run = start(copies[0], "with", "sh", "-c", f"{SAY_WHERE}; false")
    url, _ = run.communicate()
    assert run.returncode == 1
    assert_nothing_is_left(copies[0], url.strip())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_run_that_is_interrupted_leaves_no_server(copies: tuple[Path, Path], number: signal.Signals) -> None:
    run = start(copies[0], "with", "sh", "-c", f"{SAY_WHERE}; exec sleep 600")
    url = first_line(run)
    os.killpg(run.pid, number)
    run.communicate()
    assert run.returncode == -number
    assert_nothing_is_left(copies[0], url)


def test_a_command_that_is_killed_alone_leaves_no_server(copies: tuple[Path, Path]) -> None:
    run = start(copies[0], "with", "sh", "-c", f"{SAY_WHERE}; exec sleep 600")
    url = first_line(run)
    run.kill()
    run.communicate()
    assert_nothing_is_left(copies[0], url)


def test_a_lent_server_ends_with_standard_input(copies: tuple[Path, Path]) -> None:
    lent = start(copies[0], "lend")
    url = first_line(lent)
    assert listening(port_of(url))
    lent.communicate()
    assert_nothing_is_left(copies[0], url)


@pytest.mark.parametrize("script", ["postgres.sh", "kafka.sh"])
def test_a_taken_port_is_named_in_one_line(copies: tuple[Path, Path], script: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        env = {"WAYBILL_LOCAL_POSTGRES_PORT": port, "WAYBILL_LOCAL_KAFKA_PORT": port}
        run = start(copies[0].with_name(script), "up", **env)
        _, said = run.communicate()
    assert run.returncode == 1
    assert said.splitlines()[-1].endswith(
        f"port {port} is taken; choose another: WAYBILL_LOCAL_{script[:-3].upper()}_PORT=…"
    )
    assert len(said.splitlines()) == 1


def test_a_broker_names_the_port_after_its_own_when_that_is_taken(copies: tuple[Path, Path]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = start(copies[0].with_name("kafka.sh"), "up", WAYBILL_LOCAL_KAFKA_PORT=str(port - 1))
        _, said = run.communicate()
    assert run.returncode == 1
    assert f"port {port}, which is needed beside {port - 1}, is taken" in said
