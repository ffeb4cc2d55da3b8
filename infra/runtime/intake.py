"""The intake's loop: one thread stores what is posted, and rides out outages of the store."""

import time
from collections.abc import Callable
from threading import Event

import structlog

from consumers.ingest.group_commit import GroupCommit
from infra.signals.pulse import Pulse
from infra.store.failures import reason_of
from infra.store.retries import is_the_stores_own, passes, store_failures

SECONDS_TO_WAIT = 0.5
"""How long the loop waits for a first post, and so the longest time that a stop waits for it."""
SECONDS_BETWEEN_LOOKS = 5.0
"""How often it looks, while nothing is posted, for clock holds that end."""


def store_is_away(error: BaseException) -> bool:
    """Whether the store failed, whatever was to be written."""
    return passes(error) or is_the_stores_own(error)


def run_intake(posts: GroupCommit, wake: Callable[[], int], stop: Event, pulse: Pulse) -> None:
    """Store posts until `stop` is set and nothing is queued. A failure is told to those who posted, and it goes on.

    `wake` applies the messages whose clock hold ends; it is called while nothing is posted, because every batch does
    the same.
    """
    log = structlog.get_logger(__name__)
    looked_at = -SECONDS_BETWEEN_LOOKS
    pulse.leads(True)
    try:
        while posts.waiting or not stop.is_set():
            try:
                with pulse.step() as step:
                    stored = posts.step(SECONDS_TO_WAIT)
                    step.busy = step.proved = stored > 0
                    if not stored and time.monotonic() - looked_at > SECONDS_BETWEEN_LOOKS:
                        looked_at = time.monotonic()
                        wake()
                        step.proved = True
                if stored:
                    pulse.batch(stored)
            except store_failures() as e:
                pulse.store_waits(reason_of(e))
                log.error("posts_not_stored", reason=reason_of(e))
            except Exception as e:
                # It was told to whoever posted; the next post may be another one.
                log.error("posts_not_stored", reason=repr(e), exc_info=e)
    finally:
        try:
            posts.close()
        except store_failures() as e:
            log.error("feed_not_finished", reason=reason_of(e))
