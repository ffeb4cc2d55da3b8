"""Parked keys: the subjects that projections and reactors could not take and went on without, and trying them again."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime
from threading import Event
from typing import NamedTuple

from tenacity import Retrying, retry_if_exception_type, stop_after_delay, wait_random

from consumers.reactors.reactor import CHECKPOINTS, Reactor, checkpoint_of
from domain.checkpoint import CheckpointMovedError
from domain.operator.acts import ParkedKeysRetried
from infra.app.container import Waybill
from infra.runtime.projector import log_incident
from infra.store.operator_log import Acting, Who
from infra.store.pauses import REACT
from infra.store.reactions.failures import reaction_failures_of
from projections.catalogue import every_projection
from projections.projection import Projection
from projections.runner import Runner

SECONDS_TO_RETRY = 30.0
"""How long a retry tries to get between the batches of a projector that runs elsewhere, unless the caller says."""


class ParkedKey(NamedTuple):
    """A parked key of a projection or a reactor (`reactor.parcels`); with `key` None, the whole part, which is stopped.

    `version` is that of a projection, None for a reactor. `since` is in UTC.
    """

    name: str
    version: int | None
    key: str | None
    position: int
    reason: str
    since: datetime


class RetriedKey(NamedTuple):
    """A key that was parked: whether it still is, and why."""

    name: str
    key: str | None
    resumed: bool
    reason: str | None


class NothingParkedError(ValueError):
    """The name is unknown, or has no such parked key; the message lists what is parked."""


class PausedError(Exception):
    """The part is paused, so nothing of it is retried; the message names the command."""


def parked_keys(waybill: Waybill, name: str | None = None, key: str | None = None) -> list[ParkedKey]:
    """What is parked, of all parts or of one, by name and key. Raises NothingParkedError for an unknown name or key."""
    standings = waybill.rows.standings(every_projection())
    found = [
        ParkedKey(projection.name, projection.version, failure.key or None, *failure[1:])
        for projection in every_projection()
        for _, failure in sorted(standings[projection.name].failures.items())
    ]
    with waybill.engine.connect() as connection:
        found += (
            ParkedKey(checkpoint_of(reactor), None, failure.key or None, *failure[2:])
            for reactor in waybill.reactors()
            for failure in reaction_failures_of(connection, reactor.name).values()
        )
    if name is None:
        return found
    return _selected(waybill, found, name, key)


def retry_parked(
    waybill: Waybill,
    operator: str,
    reason: str,
    name: str | None = None,
    key: str | None = None,
    *,
    seconds: float = SECONDS_TO_RETRY,
) -> Sequence[RetriedKey]:
    """Try parked keys again now, even if a projector or the reactors run elsewhere.

    It tries for so many `seconds` to get between the batches of a projector.

    Raises NothingParkedError, PausedError, and CheckpointMovedError if it does not get between others' batches.
    """
    selected = parked_keys(waybill, name, key)
    by_part: dict[str, list[ParkedKey]] = defaultdict(list)
    for one in selected:
        by_part[one.name].append(one)
    _expect_running(waybill, by_part)
    if not by_part:
        return ()

    def begin(acting: Acting) -> None:
        for part, parked in by_part.items():
            acting.log(ParkedKeysRetried, part=part, keys=tuple(one.key or "" for one in parked))

    waybill.operator_log.act(Who(operator, reason), begin)
    for projection in every_projection():
        if projection.name in by_part:
            _retry_projection(waybill, projection, by_part[projection.name], seconds)
    for reactor in waybill.reactors():
        if checkpoint_of(reactor) in by_part:
            _retry_reactor(waybill, reactor, by_part[checkpoint_of(reactor)])
    still = {(one.name, one.key): one.reason for one in parked_keys(waybill)}
    return [
        RetriedKey(one.name, one.key, (one.name, one.key) not in still, still.get((one.name, one.key)))
        for one in selected
    ]


def _selected(waybill: Waybill, found: Sequence[ParkedKey], name: str, key: str | None) -> list[ParkedKey]:
    names = [*(p.name for p in every_projection()), *(checkpoint_of(reactor) for reactor in waybill.reactors())]
    said = {name, name.replace("-", "_"), f"{CHECKPOINTS}{name}"}
    part = next((known for known in names if known in said), None)
    if part is None:
        raise NothingParkedError(f"{name!r} is neither a projection nor a reactor; give one of {', '.join(names)}")
    of_part = [one for one in found if one.name == part]
    selected = [one for one in of_part if key is None or one.key == key]
    if key is not None and not selected:
        parked = ", ".join(one.key for one in of_part if one.key is not None)
        raise NothingParkedError(f"{key!r} is not parked in {part}; parked there: {parked or 'nothing'}")
    return selected


def _expect_running(waybill: Waybill, parts: Mapping[str, object]) -> None:
    pauses = waybill.pauses()
    for part in parts:
        paused = REACT if part.startswith(CHECKPOINTS) else part
        if paused in pauses:
            raise PausedError(f"{paused} is paused, so nothing of it is tried again; first: waybill resume {paused}")


def _retry_projection(waybill: Waybill, projection: Projection, parked: Sequence[ParkedKey], seconds: float) -> None:
    settler = waybill.belief_settlers.in_use() if projection.bitemporal else None
    batch_events = waybill.settings.batch_events
    runner = Runner(waybill.history, waybill.rows, [projection], batch_events, tell=log_incident, settler=settler)
    between_batches = Retrying(
        retry=retry_if_exception_type(CheckpointMovedError),
        stop=stop_after_delay(seconds),
        wait=wait_random(0, 0.1),
        reraise=True,
    )
    keys = [one.key for one in parked if one.key is not None]
    if keys:
        between_batches(lambda: runner.retry_parked(keys))
    if len(keys) < len(parked):
        # It is stopped. A leader elsewhere goes on from the batch that is taken here, within a minute.
        between_batches(runner.step)


def _retry_reactor(waybill: Waybill, reactor: Reactor, parked: Sequence[ParkedKey]) -> None:
    reactions = waybill.reactions(Event())
    keys = [one.key for one in parked if one.key is not None]
    reactions.retry_parked(reactor, keys)
    if len(keys) < len(parked):
        reactions.retry_batch(reactor)
