"""The signals of one process: the pulses of its parts, its meter, and the endpoints that serve both."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from sqlalchemy import Engine, QueuePool

from infra.masking import masked
from infra.settings import Settings
from infra.signals.pulse import Pulse
from infra.store.failures import reason_of
from infra.store.lock_waits import lock_waits_told_to
from infra.telemetry.meter import NO_METER, Meter
from infra.telemetry.tracing import trace_to
from infra.version import waybill_version

if TYPE_CHECKING:
    from infra.signals.endpoints import Endpoints

T = TypeVar("T")

SERVE = "serve"

PATIENCE_SECONDS = 3.0
"""How long to wait for a reading. Prometheus gives up after ten seconds."""
STORE_FRESH_SECONDS = 5.0
KAFKA_FRESH_SECONDS = 10.0
"""How long a reading is used again."""


class ProcessSignals:
    """`meter` is for the parts of this process, and `run` runs each of them with its pulse.

    `port` is where they are served, None if they are not. `endpoints` answer for the web, None without it.
    """

    def __init__(self, parts: Sequence[str], meter: Meter, clock: Callable[[], datetime]):
        self.meter = meter
        self.pulses: Mapping[str, Pulse] = {part: Pulse(part, meter, clock) for part in parts}
        self.port: int | None = None
        self.endpoints: Endpoints | None = None
        self._engine: Engine | None = None

    def watch(self, engine: Engine) -> None:
        """Report the use of this engine's pool."""
        self._engine = engine

    def run(self, part: str, work: Callable[[Pulse], T]) -> T:
        """Run a part to its end; its pulse says why it ended. Raises what the part raises."""
        pulse = self.pulses[part]
        try:
            with lock_waits_told_to(pulse.wants_lock):
                done = work(pulse)
        except BaseException as e:
            pulse.ended(masked(reason_of(e)))
            raise
        pulse.ended("it was stopped")
        return done

    def pool(self) -> tuple[int, int]:
        """The pooled connections in use and idle; 0 before the store is open."""
        pool: Any = None if self._engine is None else self._engine.pool
        return (pool.checkedout(), pool.checkedin()) if isinstance(pool, QueuePool) else (0, 0)


@contextmanager
def signals_of(
    parts: Sequence[str], settings: Settings, clock: Callable[[], datetime], address: str
) -> Iterator[ProcessSignals]:
    """The signals of these parts, served at `address` (HOST:PORT; empty: nowhere) until the end of the block.

    The part `serve` answers for them, too, among its pages. They are served before the store is open, so that /readyz
    can say that it is not. Raises AddressTakenError, and TracingError if WAYBILL_TRACES is set without OpenTelemetry.
    """
    if settings.traces:
        trace_to(settings.traces, waybill_version())
    if not address and SERVE not in parts:
        yield ProcessSignals(parts, NO_METER, clock)
        return
    # Imported here: most processes serve nothing.
    from infra.signals.endpoints import Endpoints
    from infra.signals.readings import StoreReader, read_kafka
    from infra.signals.sampling import Sampler
    from infra.signals.server import serving
    from infra.telemetry.meter import PrometheusMeter

    meter = PrometheusMeter()
    signals = ProcessSignals(parts, meter, clock)
    reader = StoreReader(settings, clock)
    signals.endpoints = endpoints = Endpoints(
        meter,
        list(signals.pulses.values()),
        Sampler(reader, _explained, fresh=STORE_FRESH_SECONDS, patience=PATIENCE_SECONDS),
        Sampler(lambda: read_kafka(settings, clock), _explained, fresh=KAFKA_FRESH_SECONDS, patience=PATIENCE_SECONDS),
        clock,
        timedelta(seconds=settings.stuck_seconds),
        signals.pool,
    )
    host, _, port = address.rpartition(":")
    try:
        if not address:
            yield signals
            return
        with serving((host, int(port)), endpoints.respond) as signals.port:
            yield signals
    finally:
        reader.close()


def _explained(error: BaseException) -> str:
    return masked(reason_of(error))
