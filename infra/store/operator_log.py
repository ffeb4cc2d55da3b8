"""The operator log: an operator's act and its event are one transaction, which is retried and happens once."""

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

from sqlalchemy import Connection, text

from domain.operator.acts import OperatorAct
from domain.streams import operator_stream
from infra.store.backend import Backend, EventRow, as_keys
from infra.store.engine import LOCKED
from infra.store.events.codec import encode_event
from infra.store.retries import RetryPolicy

T = TypeVar("T")


class Who(NamedTuple):
    """Who acts, and why."""

    operator: str
    reason: str = ""


class Acting:
    """One transaction in which an operator acts, at `now` (UTC). What it logs commits with it."""

    def __init__(self, connection: Connection, who: Who, now: datetime, act_id: str):
        self.connection = connection
        self.who = who
        self.now = now
        self.acts: list[OperatorAct] = []
        self.act_id = act_id

    def log(self, act: type[OperatorAct], **what: Any) -> None:
        """Log an act with its own fields."""
        number = len(self.acts) + 1
        act_id = self.act_id if number == 1 else f"{self.act_id}-{number}"
        self.acts.append(act.by(self.who.operator, self.now, self.who.reason, act_id=act_id, **what))


class OperatorLog:
    """Runs operators' acts on a store and keeps them as events in the streams of their operators."""

    def __init__(self, backend: Backend, retry: RetryPolicy, clock: Callable[[], datetime]):
        self._backend = backend
        self._retry = retry
        self._clock = clock

    def act(self, who: Who, work: Callable[[Acting], T], hold: Callable[[Connection], None] | None = None) -> T:
        """Run `work` in one transaction together with the acts that it logs, and return its result.

        It is retried during outages. If a commit succeeded but its answer was lost, the next try finds the act in the
        log, changes nothing, and returns the result of the try that committed. `hold` takes the lock under which `work`
        decides, by default the store's write lock.
        """
        act_id = str(uuid4())
        tried: list[tuple[T, EventRow]] = []

        def attempt() -> T:
            with self._backend.engine.execution_options(**{LOCKED: True}).begin() as connection:
                (hold or self._backend.lock)(connection)
                if tried and _is_stored(connection, self._backend, tried[-1][1]):
                    return tried[-1][0]
                acting = Acting(connection, who, self._clock(), act_id)
                result = work(acting)
                rows = append_acts(connection, self._backend, acting.acts)
                tried.extend((result, row) for row in rows[:1])
            return result

        return self._retry(attempt)


def append_acts(connection: Connection, backend: Backend, acts: Sequence[OperatorAct]) -> Sequence[EventRow]:
    """Append acts to their operators' streams within the transaction of what they do; returns their rows.

    The connection has the execution option LOCKED. This takes the store's write lock.
    """
    if not acts:
        return ()
    backend.lock(connection)
    by_stream: dict[str, list[OperatorAct]] = defaultdict(list)
    for act in acts:
        by_stream[operator_stream(act.operator)].append(act)
    versions = _versions(connection, backend, sorted(by_stream))
    rows: list[EventRow] = [
        (stream, versions.get(stream, 0) + place, act.TOPIC, encode_event(act))
        for stream, done in by_stream.items()
        for place, act in enumerate(done, start=1)
    ]
    backend.insert_events(connection, rows)
    return rows


def _versions(connection: Connection, backend: Backend, streams: Sequence[str]) -> dict[str, int]:
    statement = text(
        f"SELECT k.k0, (SELECT max(e.originator_version) FROM {backend.events_table} AS e "
        f"WHERE e.originator_id = k.k0) FROM {backend.keys(1)}"
    )
    found = connection.execute(statement, {"keys": as_keys(streams)})
    return {stream: version for stream, version in found if version is not None}


def _is_stored(connection: Connection, backend: Backend, row: EventRow) -> bool:
    """Whether this very event is stored: its state has its id."""
    stream, version, _, state = row
    statement = text(
        f"SELECT state FROM {backend.events_table} WHERE originator_id = :stream AND originator_version = :version"
    )
    found = connection.execute(statement, {"stream": stream, "version": version}).scalar_one_or_none()
    return found is not None and bytes(found) == state
