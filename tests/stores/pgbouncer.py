"""A real PgBouncer before the tests' PostgreSQL."""

import os
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import psycopg
import pytest

INSTALL = Path(__file__).parents[2] / "infra/local/install.sh"
PLACES = f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin"
AS_ROOT = os.geteuid() == 0
SECONDS_TO_START = 20


def pgbouncer_binary() -> str:
    """Its path. It is installed where that is possible, else the test is skipped."""
    found = shutil.which("pgbouncer", path=PLACES)
    if found is None and AS_ROOT:
        subprocess.run([INSTALL, "pgbouncer"], check=False, capture_output=True)
        found = shutil.which("pgbouncer", path=PLACES)
    if found is None:
        pytest.skip("needs PgBouncer (on Debian and Ubuntu: apt-get install pgbouncer)")
    return found


@contextmanager
def pgbouncer(store: str, pool_mode: str, processes: int = 1) -> Iterator[str]:
    """The URL of the store through a pooler; several processes share its port, each with a pool of its own."""
    binary = pgbouncer_binary()
    server = urlsplit(store)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with ExitStack() as stack:
        for _ in range(processes):
            # Not pytest's own folder: the server's user must be able to reach it.
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="waybill-pgbouncer-")))
            folder.chmod(0o755)
            configuration = folder / "pgbouncer.ini"
            configuration.write_text(
                f"[databases]\n* = host={server.hostname} port={server.port} user={server.username}\n"
                f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\nauth_type = any\n"
                f"pool_mode = {pool_mode}\nso_reuseport = 1\nmax_client_conn = 200\ndefault_pool_size = 40\n"
            )
            process = subprocess.Popen(
                [binary, configuration],
                user="postgres" if AS_ROOT else None,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            )
            stack.callback(process.wait)
            stack.callback(process.kill)
        url = f"postgresql://{server.username}@127.0.0.1:{port}{server.path}"
        _wait_until_it_answers(url)
        yield url


def _wait_until_it_answers(url: str) -> None:
    until = time.monotonic() + SECONDS_TO_START
    while True:
        try:
            psycopg.connect(url).close()
            return
        except psycopg.OperationalError:
            if time.monotonic() > until:
                raise
            time.sleep(0.05)
