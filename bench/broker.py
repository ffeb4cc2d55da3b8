"""A broker of our own, and topics on it, for what is measured with Kafka."""

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4

from bench.children import PATIENCE_SECONDS
from infra.settings import Settings

SCRIPT = Path(__file__).parents[1] / "infra/local/kafka.sh"
WAYBILL = (str(Path(sys.executable).parent / "waybill"),)
PARTITIONS = 6


class Broker(NamedTuple):
    """Its address, and its process where that is known."""

    address: str
    process: int | None = None


@contextmanager
def lent_broker(also_at: str | None = None) -> Iterator[Broker]:
    """A broker on loopback, and at one more address, that is gone at the end. Raises RuntimeError without one."""
    with tempfile.TemporaryDirectory(prefix="waybill-bench-kafka-") as folder:
        port = _free_port()
        env = {**os.environ, "WAYBILL_LOCAL_KAFKA_FOLDER": folder, "WAYBILL_LOCAL_KAFKA_PORT": str(port)}
        if also_at is not None:
            (Path(folder) / "extra.properties").write_text(
                f"listeners=PLAINTEXT://0.0.0.0:{port},CONTROLLER://127.0.0.1:{port + 1}\n"
                f"advertised.listeners=PLAINTEXT://{also_at}:{port}\n"
            )
        said = Path(folder) / "said"
        # Not to a pipe: the broker would inherit it, and who reads it to its end would wait for the broker's.
        with said.open("w") as out:
            started = subprocess.run([SCRIPT, "up"], env=env, stdout=out, stderr=subprocess.STDOUT, check=False)
        if started.returncode:
            raise RuntimeError(said.read_text().strip())
        try:
            yield Broker(said.read_text().split()[-1], int((Path(folder) / "broker.pid").read_text()))
        finally:
            subprocess.run([SCRIPT, "down"], env=env, check=False)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


class Scene:
    """Topics of our own on a broker, and a store."""

    def __init__(self, broker: Broker, store: str):
        self.prefix = f"b{uuid4().hex[:8]}."
        self.env = {
            **os.environ,
            "WAYBILL_STORE": store,
            "WAYBILL_KAFKA": broker.address,
            "WAYBILL_TOPIC_PREFIX": self.prefix,
            "WAYBILL_LOG_FORMAT": "json",
            "WAYBILL_LOG_LEVEL": "error",
        }
        self.store, self.broker = store, broker
        self.run("topics", "create", "--partitions", str(PARTITIONS))

    @property
    def settings(self) -> Settings:
        return Settings(store=self.store, kafka=self.broker.address, topic_prefix=self.prefix)

    def run(self, *arguments: str) -> None:
        """Run the command to its end. Raises subprocess.CalledProcessError when it fails."""
        subprocess.run([*WAYBILL, *arguments], env=self.env, stdout=subprocess.DEVNULL, check=True)

    @contextmanager
    def running(
        self, *commands: str, by: Callable[[str], Sequence[str]] = lambda command: WAYBILL, log: Path | None = None
    ) -> Iterator[list[subprocess.Popen[bytes]]]:
        """The long-running parts as processes, stopped as an operator would; `by` is what runs the command.

        With `log`, all that they log goes to this file.
        """
        env = self.env if log is None else {**self.env, "WAYBILL_LOG_LEVEL": "info"}
        processes: list[subprocess.Popen[bytes]] = []
        try:
            with nullcontext() if log is None else log.open("w") as out:
                for command in commands:
                    processes.append(subprocess.Popen([*by(command), command], env=env, stderr=out))
            yield processes
        finally:
            for process in processes:
                process.terminate()
            for process in processes:
                process.wait()


def until(reached: Callable[[], bool]) -> None:
    """Wait for it. Raises RuntimeError when it does not come."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        if time.monotonic() > deadline:
            raise RuntimeError("what was waited for did not come")
        time.sleep(0.02)
