"""Keeping what analysts query as this version of the code defines it."""

from datetime import timedelta

import structlog
from sqlalchemy.exc import DBAPIError

from infra.sql_views.relations import NotAllowedError, relations
from infra.store.backend import Backend


def keep_relations(backend: Backend, hold: timedelta) -> None:
    """Define them anew where they differ. If that cannot be now, they stay as they are, which a log line says."""
    log = structlog.get_logger(__name__)
    try:
        if backend.define(relations(hold)):
            log.info("relations_defined")
    except (NotAllowedError, DBAPIError) as e:
        log.warning("relations_not_defined", reason=str(getattr(e, "orig", None) or e).splitlines()[0])
