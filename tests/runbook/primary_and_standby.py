"""A PostgreSQL with a streaming standby, for a failover."""

import os
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.fault.postgres_server import Server, crashing_server
from tests.integration.broker import free_port

PATIENCE_SECONDS = 30


class Standby:
    """A server that follows a primary as it writes, asynchronously."""

    def __init__(self, folder: Path, primary: Server):
        self.port = free_port()
        self._data = folder / "data"
        self._log = folder / "server.log"
        with psycopg.connect(primary.url) as connection:
            row = connection.execute("SHOW data_directory").fetchone()
            assert row is not None
        self._owner = Path(row[0]).owner()
        self._as_owner("pg_basebackup", "-R", "-c", "fast", "-D", str(self._data), "-d", primary.url)
        options = (
            f"-c listen_addresses=127.0.0.1 -p {self.port} -c unix_socket_directories= -c max_connections=200 "
            "-c wal_receiver_status_interval=1"
        )
        self._as_owner("pg_ctl", "-D", str(self._data), "-l", str(self._log), "-w", "-o", options, "start")
        self.url = f"postgresql://postgres@127.0.0.1:{self.port}/waybill"

    def has_all_of(self, primary: Server) -> None:
        """Wait until it has replayed what the primary has written by now."""
        with psycopg.connect(primary.url) as at, psycopg.connect(self.url, autocommit=True) as here:
            (written,) = at.execute("SELECT pg_current_wal_lsn()").fetchone() or ("",)
            deadline = time.monotonic() + PATIENCE_SECONDS
            question = "SELECT pg_last_wal_replay_lsn() >= %s::pg_lsn"
            while here.execute(question, [written]).fetchone() != (True,):
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def hear_no_more(self) -> None:
        """It receives nothing from now on, as if the network to its primary were slow."""
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET primary_conninfo = ''")
            connection.execute("SELECT pg_reload_conf()")
            deadline = time.monotonic() + PATIENCE_SECONDS
            while connection.execute("SELECT 1 FROM pg_stat_wal_receiver").fetchone() is not None:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def promote(self) -> None:
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("SELECT pg_promote()")

    def stop(self) -> None:
        self._as_owner("pg_ctl", "-D", str(self._data), "-m", "immediate", "stop")

    def _as_owner(self, program: str, *arguments: str) -> None:
        found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{program}"), reverse=True)
        command: Sequence[str] = [str(found[0]) if found else program, *arguments]
        if os.geteuid() == 0:
            command = ["setpriv", f"--reuid={self._owner}", f"--regid={self._owner}", "--init-groups", *command]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, cwd="/")


@contextmanager
def primary_and_standby() -> Iterator[tuple[Server, Standby]]:
    """Both run; without PostgreSQL's binaries the test is skipped, or fails in CI."""
    with crashing_server() as primary, tempfile.TemporaryDirectory(prefix="waybill-standby-") as folder:
        Path(folder).chmod(0o777)
        standby = Standby(Path(folder), primary)
        try:
            yield primary, standby
        finally:
            standby.stop()
