"""Keeps the analysts' relations as this version of the code defines them."""

from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from infra.sql_views.relations import NotAllowedError, relations
from infra.store.backend import Backend
from infra.store.projected.rows import all_live
from projections.catalogue import PROJECTIONS


def define_relations(backend: Backend, hold: timedelta, zone: str) -> bool | None:
    """Redefine the relations that differ; returns whether any did.

    Returns None, and changes nothing, while other versions of the projections are live. Raises the errors of
    Backend.define.
    """
    with backend.engine.connect() as connection:
        live = all_live(connection, PROJECTIONS)
    return backend.define(relations(hold, zone)) if live else None


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
