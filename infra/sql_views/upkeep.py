"""Keeps the analysts' relations as this version of the code defines them, over the tables that serve."""

from collections.abc import Sequence
from datetime import timedelta

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from infra.sql_views.relations import NotAllowedError, Relation, relations
from infra.store.backend import Backend
from infra.store.projected.serving import all_live, live_versions, missing_columns
from projections.catalogue import PROJECTIONS
from projections.views.catalogue import ANY_INSTANT


def serving_relations(connection: Connection, hold: timedelta, zone: str) -> list[Relation]:
    """The relations over the live versions and the builds in use, as the connection's transaction sees them.

    A relation that needs a column that a live version of other code does not have is left out.
    """
    stored = {name: live.stored for name, live in live_versions(connection, ()).items()}

    def can_be_defined(relation: Relation) -> bool:
        return all(projection.name in stored for projection in relation.projections) and not missing_columns(
            connection, lambda: relation.question(ANY_INSTANT), relation.projections, stored
        )

    return [relation for relation in relations(hold, zone, stored) if can_be_defined(relation)]


def left_out(defined: Sequence[Relation], hold: timedelta, zone: str) -> Sequence[Relation]:
    """The relations that are not among those that could be defined."""
    names = {relation.name for relation in defined}
    return [relation for relation in relations(hold, zone) if relation.name not in names]


def define_relations(backend: Backend, hold: timedelta, zone: str) -> bool | None:
    """Redefine the relations that differ; returns whether any did.

    Returns None, and changes nothing, while other versions of the projections are live. Raises the errors of
    Backend.define.
    """
    with backend.engine.connect() as connection:
        live = all_live(connection, PROJECTIONS)
    return backend.define(lambda connection: serving_relations(connection, hold, zone)) if live else None


def keep_relations(backend: Backend, hold: timedelta, zone: str) -> None:
    """Redefine the relations that differ. If that is impossible now, they stay as they are, and a log line says so."""
    log = structlog.get_logger(__name__)
    try:
        defined = define_relations(backend, hold, zone)
        if defined is None:
            log.info("relations_of_other_versions")
        elif defined:
            log.info("relations_defined")
    except (NotAllowedError, DBAPIError) as e:
        log.warning("relations_not_defined", reason=str(getattr(e, "orig", None) or e).splitlines()[0])
