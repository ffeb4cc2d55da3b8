"""A PostgreSQL of a test's own, which may crash."""

import os
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

SCRIPT = Path(__file__).parents[2] / "infra/local/postgres.sh"


class Server:
    """A PostgreSQL of this test's own, which may crash."""

    def __init__(self, folder: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self._environment = {
            **os.environ,
            "WAYBILL_LOCAL_POSTGRES_FOLDER": str(folder),
            "WAYBILL_LOCAL_POSTGRES_PORT": str(self.port),
        }
        self.url = ""

    def up(self) -> subprocess.CompletedProcess[str]:
        ran = self._run("up")
        self.url = ran.stdout.strip()
        return ran

    @contextmanager
    def guarded(self) -> Iterator[None]:
        """The server ends with this process, however that ends."""
        with subprocess.Popen([SCRIPT, "guard"], env=self._environment, stdin=subprocess.PIPE, start_new_session=True):
            yield

    def crash(self) -> None:
        self._run("crash")

    def down(self) -> None:
        self._run("down")

    def _run(self, verb: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([SCRIPT, verb], env=self._environment, capture_output=True, text=True, check=False)

    def execute(self, statement: str) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute(statement)

    def new_database(self, options: str = "") -> str:
        """Its URL."""
        name = f"waybill_{uuid4().hex}"
        self.execute(f"CREATE DATABASE {name} {options}")
        return self.url.rsplit("/", 1)[0] + f"/{name}"


@contextmanager
def crashing_server() -> Iterator[Server]:
    """A server that runs; without PostgreSQL's binaries the test is skipped, or fails in CI."""
    # Not pytest's own folder: the server's user must be able to reach it.
    with tempfile.TemporaryDirectory(prefix="waybill-crashing-", ignore_cleanup_errors=True) as folder:
        Path(folder).chmod(0o755)
        server = Server(Path(folder) / "postgres")
        ran = server.up()
        if ran.returncode != 0:
            if os.environ.get("CI"):
                pytest.fail(f"PostgreSQL is needed here: {ran.stderr.strip()}")
            pytest.skip("needs PostgreSQL's binaries: see `make postgres-up`")
        with server.guarded():
            yield server
            server.crash()
