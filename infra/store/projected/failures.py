"""The failures of each projection: parked subjects, and the projection itself if it is stopped."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from sqlalchemy import BigInteger, Column, Connection, Integer, Table, Text, delete, insert, select

from infra.store.register.tables import register_metadata
from projections.failures import THE_PROJECTION_ITSELF, Failure
from projections.projection import Projection
from projections.views.columns import Instant

projection_failures = Table(
    "projection_failures",
    register_metadata,
    Column("name", Text, primary_key=True, comment="The projection."),
    Column("version", Integer, primary_key=True, comment="The version of its rows' meaning."),
    Column("key", Text, primary_key=True, comment="The subject that is parked; empty: the projection is stopped."),
    Column("position", BigInteger, nullable=False, comment="The last event of the batch that failed."),
    Column("reason", Text, nullable=False, comment="What was raised."),
    Column("since", Instant(), nullable=False, comment="When it failed first."),
    comment="What projections could not take, and go on without.",
)


def failures_of(connection: Connection, projections: Iterable[Projection]) -> Mapping[str, Mapping[str, Failure]]:
    """The failures of these versions, by projection and key. What another version could not take is not told."""
    versions = {projection.name: projection.version for projection in projections}
    failures: dict[str, dict[str, Failure]] = {}
    for row in connection.execute(select(projection_failures)):
        if versions.get(row.name) == row.version:
            failures.setdefault(row.name, {})[row.key] = Failure(row.key, row.position, row.reason, row.since)
    return failures


def stopped_versions(connection: Connection) -> frozenset[tuple[str, int]]:
    """The projections that are stopped, each by its name and version; those of other code too."""
    c = projection_failures.c
    return frozenset(
        (row.name, row.version)
        for row in connection.execute(select(c.name, c.version).where(c.key == THE_PROJECTION_ITSELF))
    )


def record_failures(connection: Connection, projection: Projection, failures: Sequence[Failure]) -> None:
    """Record failures, replacing earlier ones of these keys."""
    resolve_failures(connection, projection, [failure.key for failure in failures])
    connection.execute(
        insert(projection_failures),
        [{"name": projection.name, "version": projection.version, **failure._asdict()} for failure in failures],
    )


def resolve_failures(connection: Connection, projection: Projection, keys: Collection[str]) -> None:
    """Remove the failures of these keys."""
    columns = projection_failures.c
    connection.execute(
        delete(projection_failures).where(
            columns.name == projection.name, columns.version == projection.version, columns.key.in_(keys)
        )
    )
