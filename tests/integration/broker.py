"""An Apache Kafka broker for the tests: one for all that run at a time, and private ones for tests that break theirs.

The shared one lives for as long as a test process uses it. Each user holds a lock that the operating system frees,
however the process ends; a keeper waits for that lock and takes the broker down:
python -m tests.integration.broker FOLDER PORT
"""

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import SystemRandom

from kafka.admin import KafkaAdminClient

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "infra/local/kafka.sh"
HEAP = "384m"
# Below the ports that systems give to outgoing connections.
PORTS = range(20_000, 32_000, 2)


class NoBrokerError(Exception):
    """There is no broker and none can be started; the text says what is missing."""


class Broker:
    """One node on 127.0.0.1 with its data in a folder."""

    def __init__(self, folder: Path, port: int):
        self.folder, self.port = folder, port
        self.url = f"127.0.0.1:{port}"

    def start(self) -> None:
        """Start it, or do nothing where it runs. Raises NoBrokerError."""
        ran = self._script("up")
        if ran.returncode:
            said = [line for line in ran.stderr.splitlines() if "fetching" not in line]
            raise NoBrokerError(said[0].removeprefix("kafka: ").rstrip(",") if said else f"{SCRIPT.name} failed")

    def stop(self) -> None:
        self._script("down")

    @contextmanager
    def guarded(self) -> Iterator["Broker"]:
        """The broker ends with this process, however that ends."""
        with subprocess.Popen([SCRIPT, "guard"], env=self._env, stdin=subprocess.PIPE, start_new_session=True):
            yield self
            self.stop()

    def kill(self) -> None:
        """kill -9; when it returns, the process is gone, so that `start` does not take it for one that runs."""
        pid = self.pid
        os.kill(pid, signal.SIGKILL)
        while _lives(pid):
            time.sleep(0.01)

    @property
    def pid(self) -> int:
        return int((self.folder / "broker.pid").read_text())

    @property
    def _env(self) -> dict[str, str]:
        return {
            **os.environ,
            "WAYBILL_LOCAL_KAFKA_PORT": str(self.port),
            "WAYBILL_LOCAL_KAFKA_FOLDER": str(self.folder),
            "WAYBILL_LOCAL_KAFKA_HEAP": HEAP,
        }

    def _script(self, word: str) -> subprocess.CompletedProcess[str]:
        # Not to pipes: the broker would inherit them, and reading them to their end would wait for its end.
        said = self.folder / "said"
        with said.open("w") as stderr:
            ran = subprocess.run([SCRIPT, word], env=self._env, stdout=subprocess.DEVNULL, stderr=stderr, check=False)
        return subprocess.CompletedProcess(ran.args, ran.returncode, "", said.read_text())


def _lives(pid: int) -> bool:
    """Whether the process still runs; one that ended and was not waited for does not."""
    ran = subprocess.run(["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return bool(ran.stdout.strip()) and not ran.stdout.strip().startswith("Z")


def private_broker(folder: Path, extra: Callable[[int], str] = lambda port: "") -> Broker:
    """A broker that has been started, on ports that nobody uses. Raises NoBrokerError.

    `extra` gives settings to add to its own, for the port that it gets.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with held(ROOT / ".local" / "kafka-jars.lock", fcntl.LOCK_EX):
        # Of two that fetch the jars or look for ports at a time, one does and the other waits.
        broker = Broker(folder, free_port())
        (folder / "extra.properties").write_text(extra(broker.port))
        broker.start()
    return broker


def free_port() -> int:
    """A port of 127.0.0.1 that nobody listens on, and nobody on the next one."""
    while True:
        port = SystemRandom().choice(PORTS)
        if not any(listening(one) for one in (port, port + 1)):
            return port


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


@contextmanager
def shared_broker(folder: Path) -> Iterator[str]:
    """The address of the broker of all processes that name this folder. Raises NoBrokerError."""
    folder.mkdir(parents=True, exist_ok=True)
    with held(folder / "in-use.lock", fcntl.LOCK_SH):
        with held(folder / "starting.lock", fcntl.LOCK_EX):
            address = folder / "address"
            port = int(address.read_text()) if address.exists() else 0
            if not (port and listening(port)):
                shutil.rmtree(folder / "node", ignore_errors=True)
                port = private_broker(folder / "node").port
                address.write_text(str(port))
                subprocess.Popen(
                    [sys.executable, "-m", __spec__.name, str(folder), str(port)], cwd=ROOT, start_new_session=True
                )
        yield f"127.0.0.1:{port}"


@contextmanager
def held(lock: Path, how: int) -> Iterator[None]:
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("w") as stream:
        fcntl.flock(stream, how)
        yield


def keep(folder: Path, port: int) -> None:
    """Take the broker down when nobody uses it any more."""
    with held(folder / "in-use.lock", fcntl.LOCK_EX):
        Broker(folder / "node", port).stop()
        shutil.rmtree(folder / "node", ignore_errors=True)


class Topics:
    """Topics of a test's own: a prefix that no other test has. `env` are the settings that name them."""

    def __init__(self, url: str, prefix: str):
        self.url, self.prefix = url, prefix
        self.env = {"WAYBILL_KAFKA": url, "WAYBILL_TOPIC_PREFIX": prefix}

    def delete(self) -> None:
        admin = KafkaAdminClient(bootstrap_servers=self.url)
        try:
            mine = [topic for topic in admin.list_topics() if topic.startswith(self.prefix)]
            if mine:
                admin.delete_topics(mine)
        finally:
            admin.close()


if __name__ == "__main__":
    keep(Path(sys.argv[1]), int(sys.argv[2]))
