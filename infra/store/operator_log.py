"""The operator log: operators' acts, appended as events of the store."""

from collections import defaultdict
from collections.abc import Sequence

from sqlalchemy import Connection, text

from domain.operator.acts import OperatorAct
from domain.streams import operator_stream
from infra.store.backend import Backend, EventRow, as_keys
from infra.store.events.codec import encode_event


def append_acts(connection: Connection, backend: Backend, acts: Sequence[OperatorAct]) -> None:
    """Append acts to their operators' streams.

    Call it within the transaction of what the acts do, which has the store's write lock (execution option LOCKED):
    then both are stored, or neither.
    """
    by_stream: dict[str, list[OperatorAct]] = defaultdict(list)
    for act in acts:
        by_stream[operator_stream(act.operator)].append(act)
    versions = _versions(connection, backend, sorted(by_stream))
    rows: list[EventRow] = [
        (stream, versions.get(stream, 0) + place, act.TOPIC, encode_event(act))
        for stream, done in by_stream.items()
        for place, act in enumerate(done, start=1)
    ]
    if rows:
        backend.insert_events(connection, rows)


def _versions(connection: Connection, backend: Backend, streams: Sequence[str]) -> dict[str, int]:
    statement = text(
        f"SELECT k.k0, (SELECT max(e.originator_version) FROM {backend.events_table} AS e "
        f"WHERE e.originator_id = k.k0) FROM {backend.keys(1)}"
    )
    found = connection.execute(statement, {"keys": as_keys(streams)})
    return {stream: version for stream, version in found if version is not None}
