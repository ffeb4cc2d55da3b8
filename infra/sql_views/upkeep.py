"""Keeping what analysts query as this version of the code defines it."""

from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from infra.sql_views.relations import NotAllowedError, relations
from infra.store.backend import Backend
from infra.store.projected.rows import all_live
from projections.catalogue import PROJECTIONS


def define_relations(backend: Backend, hold: timedelta) -> bool | None:
    """Define them anew where they differ; True when they did.

    None when they belong to other versions of the projections, which are the live ones: they stay as they are.
    Raises what Backend.define raises.
    """
    with backend.engine.connect() as connection:
        live = all_live(connection, PROJECTIONS)
    return backend.define(relations(hold)) if live else None


def keep_relations(backend: Backend, hold: timedelta) -> None:
    """Define them anew where they differ. If that cannot be now, they stay as they are, which a log line says."""
    log = structlog.get_logger(__name__)
    try:
        defined = define_relations(backend, hold)
        if defined is None:
            log.info("relations_of_other_versions")
        elif defined:
            log.info("relations_defined")
    except (NotAllowedError, DBAPIError) as e:
        log.warning("relations_not_defined", reason=str(getattr(e, "orig", None) or e).splitlines()[0])
