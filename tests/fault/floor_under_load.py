"""A service at work, messages that keep coming, and what can befall the two."""

import json
import signal
import time
import zlib
from collections.abc import Sequence
from queue import SimpleQueue
from random import Random
from threading import Event, Thread
from types import TracebackType

from consumers.contract import TOPICS
from consumers.sinks.sink import STRUCTURED, Record
from infra.runtime.consumer import SESSION_MS
from tests.fault.mixed_load import MixedSink
from tests.fault.postgres_server import Server
from tests.integration.broker import Broker, Topics
from tests.integration.command import KILLED, Command, Running
from tests.integration.topics import until_read

AT_ONCE = 10
SECONDS_BETWEEN = 0.05
SECONDS_OF_A_ZOMBIE = SESSION_MS / 1000 + 1.5


class Load:
    """Publishes messages, so many each time that it is asked for more; whatever the broker goes through.

    They come in every codec, in transactions, and with oversized records among them.
    """

    def __init__(self, topics: Topics, lines: Sequence[bytes], at_a_time: int):
        self._records = [subjects_own(topics, line) for line in lines]
        self._at_a_time = at_a_time
        self._asked: SimpleQueue[bool] = SimpleQueue()
        self._stop = Event()
        self._sink = MixedSink(topics, self._stop)
        self._failure: BaseException | None = None
        self._thread = Thread(target=self._run)

    def more(self) -> None:
        self._asked.put(True)

    def finish(self) -> None:
        """Publish all that is left."""
        self._asked.put(False)
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            left = (self._records[n : n + AT_ONCE] for n in range(0, len(self._records), AT_ONCE))
            while self._asked.get():
                for _ in range(self._at_a_time // AT_ONCE):
                    self._publish(next(left, ()))
                    time.sleep(SECONDS_BETWEEN)
            for records in left:
                self._publish(records)
        except BaseException as e:
            self._failure = e

    def _publish(self, records: Sequence[Record]) -> None:
        self._sink.send(records)

    def __enter__(self) -> "Load":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._asked.put(False)
        self._thread.join()
        self._sink.close()


def subjects_own(topics: Topics, line: bytes) -> Record:
    """One subject's messages keep their order, since of two contents under one id the first to come is kept."""
    try:
        subject = str(json.loads(line)["subject"]).encode("utf-8", "replace")
    except (ValueError, KeyError, TypeError):
        subject = line[:100]
    topic = TOPICS[zlib.crc32(subject) % len(TOPICS)]
    return Record(topics.prefix + topic, subject, line, (("content-type", STRUCTURED.encode()),))


class Floor:
    """Consumers, projectors and relays on one store. `strike` brings one fault over them, by its name."""

    def __init__(self, command: Command, broker: Broker, postgres: Server | None, draw: Random):
        self._command = command
        self._broker = broker
        self._postgres = postgres
        self._draw = draw
        self._consumers: list[Running] = []
        self._projectors: list[Running] = []
        self._relays: list[Running] = []
        self._frozen: list[tuple[float, Running]] = []

    def __enter__(self) -> "Floor":
        self._consumers = [self._command.start("consume") for _ in range(2)]
        self._projectors = [self._command.start("project") for _ in range(2)]
        self._relays = [self._command.start("relay") for _ in range(2)]
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for running in (*self._running, *(frozen for _, frozen in self._frozen)):
            running.kill()

    @property
    def _running(self) -> Sequence[Running]:
        return (*self._consumers, *self._projectors, *self._relays)

    def strike(self, fault: str, after: float) -> None:
        """Let one fault befall it, so many seconds from now."""
        time.sleep(after)
        print(f"{time.strftime('%H:%M:%S')} {fault}")
        getattr(self, fault)()
        self._wake(time.monotonic())
        for running in self._running:
            assert running.is_alive(), running.wait()

    def come_to_rest(self, topics: Topics) -> None:
        """Let all that is frozen wake up, read to the end, and stop as an operator would."""
        while self._frozen:
            self._wake(time.monotonic())
            time.sleep(0.1)
        until_read(self._command, topics, self._consumers)
        for running in self._running:
            running.terminate()
            running.wait().done()
        self._consumers, self._projectors, self._relays = [], [], []
        self._command("project", "--once").done()
        self._command("relay", "--once").done()

    # What can befall it.

    def kill_consumer(self) -> None:
        self._kill(self._consumers)
        self._consumers.append(self._command.start("consume"))

    def kill_projector(self) -> None:
        self._kill(self._projectors)
        self._projectors.append(self._command.start("project"))

    def kill_relay(self) -> None:
        self._kill(self._relays)
        self._relays.append(self._command.start("relay"))

    def freeze_consumer(self) -> None:
        """It will wake up as a zombie, when its partitions have long been another one's."""
        if len(self._consumers) == 1:
            self._consumers.append(self._command.start("consume"))
        frozen = self._consumers.pop(self._draw.randrange(len(self._consumers)))
        frozen.signal(signal.SIGSTOP)
        self._frozen.append((time.monotonic() + SECONDS_OF_A_ZOMBIE, frozen))

    def have_one(self) -> None:
        self._have(1)

    def have_two(self) -> None:
        self._have(2)

    def have_three(self) -> None:
        self._have(3)

    def kill_broker(self) -> None:
        self._broker.kill()
        time.sleep(self._draw.uniform(0, 1))
        self._broker.start()

    def restart_broker(self) -> None:
        self._broker.stop()
        self._broker.start()

    def crash_postgres(self) -> None:
        assert self._postgres is not None
        self._postgres.crash()
        time.sleep(self._draw.uniform(0, 1))
        assert self._postgres.up().returncode == 0

    def restart_postgres(self) -> None:
        assert self._postgres is not None
        self._postgres.down()
        assert self._postgres.up().returncode == 0

    def _kill(self, among: list[Running]) -> None:
        victim = among.pop(self._draw.randrange(len(among)))
        victim.kill()
        assert victim.wait().code == KILLED

    def _have(self, count: int) -> None:
        while len(self._consumers) > count:
            leaving = self._consumers.pop(self._draw.randrange(len(self._consumers)))
            leaving.terminate()
            leaving.wait().done()
        while len(self._consumers) < count:
            self._consumers.append(self._command.start("consume"))

    def _wake(self, now: float) -> None:
        for waking, frozen in list(self._frozen):
            if waking <= now:
                self._frozen.remove((waking, frozen))
                frozen.signal(signal.SIGCONT)
                self._consumers.append(frozen)
