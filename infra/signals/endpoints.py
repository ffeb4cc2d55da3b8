"""/metrics, /healthz and /readyz: what each answers, whatever server asks."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from domain.rules_version import RULES_VERSION
from infra.serialization import json_text
from infra.signals.health import Problem, answer, died, stuck, with_reason
from infra.signals.movement import Movement
from infra.signals.pulse import PartState, Pulse
from infra.signals.readings import Reading
from infra.signals.sampling import Sampled
from infra.store.newest_version import NEWEST
from infra.telemetry.meter import PrometheusMeter, Sample, gauge
from infra.version import waybill_version

TEXT = "text/plain; version=1.0.0; charset=utf-8"
JSON = "application/json"
NEEDS_KAFKA = frozenset({"consume", "relay"})
PATHS = ("/metrics", "/healthz", "/readyz")


class Response(NamedTuple):
    """An HTTP response."""

    status: int
    content_type: str
    body: bytes


class Endpoints:
    """`respond` answers a request. It never raises because the store or Kafka is away, and waits some seconds for them.

    `pulses` are the parts of this process. `store` and `kafka` give the latest readings; Kafka is asked only if a part
    needs it. `pool` gives the connections in use and idle. A part that has not moved for `limit` is stuck. `queued`
    gives the number of posted messages that wait, once the process serves.
    """

    def __init__(
        self,
        meter: PrometheusMeter,
        pulses: Sequence[Pulse],
        store: Callable[[], Sampled[Reading]],
        kafka: Callable[[], Sampled[Reading]],
        clock: Callable[[], datetime],
        limit: timedelta,
        pool: Callable[[], tuple[int, int]] = lambda: (0, 0),
    ):
        self._meter = meter
        self._pulses = pulses
        self._store = store
        self._kafka = kafka
        self._needs_kafka = any(pulse.part in NEEDS_KAFKA for pulse in pulses)
        self._clock = clock
        self._limit = limit
        self._pool = pool
        self.queued: Callable[[], int] | None = None
        self._movement = Movement()

    def respond(self, path: str) -> Response:
        """The answer to GET `path`."""
        match path.partition("?")[0]:
            case "/metrics":
                return Response(200, TEXT, self._meter.text(self._gauges))
            case "/healthz":
                return _told(died(self._states()), self._states())
            case "/readyz":
                return _told(self.problems(), self._states())
        return Response(404, JSON, json_text({"paths": PATHS}).encode())

    def problems(self) -> list[Problem]:
        """What keeps this process from doing its work."""
        states, now = self._states(), self._clock()
        problems = died(states)
        stopped = stuck(states, now, self._limit)
        readings: list[Reading] = []
        from_store = False
        for name, read in self._sources():
            value, _, problem = read()
            if value is None:
                problems.append(Problem(name, problem or "no answer"))
            else:
                readings.append(value)
                from_store = from_store or name == "store"
        problems += stopped
        # What the store tells about a part that another process leads is for that process to tell.
        leading = {state.part for state in states if state.leads}
        unread = {part for reading in readings for part in reading.unread} if from_store else leading
        places = [place for reading in readings for place in reading.places if place.part in leading]
        told = {problem.part for problem in stopped}
        standing = self._movement.look(places, now, self._limit, unread)
        problems += [with_reason(one, states) for one in standing if one.part not in told]
        problems += [one for reading in readings for one in reading.problems if one.part in leading]
        return problems

    def _sources(self) -> Iterable[tuple[str, Callable[[], Sampled[Reading]]]]:
        yield "store", self._store
        if self._needs_kafka:
            yield "kafka", self._kafka

    def _states(self) -> list[PartState]:
        return [pulse.state for pulse in self._pulses]

    def _gauges(self) -> Iterable[Sample]:
        now = self._clock()
        problems = {problem.part for problem in self.problems()}
        yield gauge("waybill_build_info", 1, version=waybill_version(), rules=str(RULES_VERSION), schema=NEWEST)
        in_use, idle = self._pool()
        yield gauge("waybill_pool_connections", in_use, state="in_use")
        yield gauge("waybill_pool_connections", idle, state="idle")
        if self.queued is not None:
            yield gauge("waybill_http_queue_messages", self.queued())
        for state in self._states():
            yield gauge("waybill_part_up", float(state.ended is None), part=state.part)
            yield gauge("waybill_part_leads", float(state.leads), part=state.part)
            yield gauge("waybill_part_stuck", float(state.part in problems), part=state.part)
            unmoved = max(0.0, (now - state.stepped_at).total_seconds())
            yield gauge("waybill_part_step_age_seconds", unmoved, part=state.part)
        for name, read in self._sources():
            value, age, _ = read()
            yield gauge(f"waybill_{name}_up", float(value is not None))
            if value is not None:
                yield from value.samples
                if name == "store":
                    yield gauge("waybill_reading_age_seconds", age)


def _told(problems: Sequence[Problem], states: Iterable[PartState]) -> Response:
    body: Mapping[str, object] = answer(problems, states)
    return Response(503 if problems else 200, JSON, (json_text(body) + "\n").encode())
