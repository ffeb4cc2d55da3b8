"""What a failure of the intake is to whoever posted: too busy (429), or not now (503)."""

from collections.abc import Iterator
from contextlib import contextmanager

from consumers.ingest.group_commit import IntakeStoppedError, QueueFullError
from infra.runtime.intake import store_is_away
from infra.store.retries import store_failures
from infra.web.problems import Problem, store_problem

SECONDS_UNTIL_THE_QUEUE = "1"
"""What Retry-After says when the queue is full."""


@contextmanager
def told_problems() -> Iterator[None]:
    """Turns the failures of the intake into Problem (429, 503)."""
    try:
        yield
    except QueueFullError as error:
        raise Problem(429, str(error), headers={"Retry-After": SECONDS_UNTIL_THE_QUEUE}) from None
    except IntakeStoppedError as error:
        raise Problem(503, str(error), headers={"Retry-After": SECONDS_UNTIL_THE_QUEUE}) from None
    except store_failures() as error:
        if not store_is_away(error):
            raise
        raise store_problem(error) from None
