"""given an error of a worker, when it is sent to the leader, then it arrives as what it is, in the same words."""

import sqlite3
from threading import Lock

import pytest
from psycopg.errors import LockNotAvailable
from sqlalchemy.exc import OperationalError

from domain.checkpoint import CheckpointMovedError
from infra.app.sent_errors import packed, unpacked
from infra.store.business_months import NoBusinessMonthsError
from infra.store.failures import reason_of
from infra.store.opening import NoStoreError, SharedSessionsError
from projections.views.columns import UnreadableValueError

FULL = OperationalError("INSERT", None, sqlite3.OperationalError("database or disk is full"))
WAITED = OperationalError("LOCK", {"name": 1}, LockNotAvailable("canceling statement due to lock timeout"))


@pytest.mark.parametrize(
    "error",
    [
        CheckpointMovedError("another process has moved the rebuild"),
        SharedSessionsError(),
        UnreadableValueError("yesterday", "an instant"),
        NoStoreError("sqlite:////nowhere"),
        NoBusinessMonthsError("Europe/Vienna"),
        FULL,
        WAITED,
        FileNotFoundError(2, "No such file or directory", "waybill.db"),
        UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_it_arrives_as_what_it_is(error: Exception) -> None:
    sent = packed(error)
    assert sent is not None

    arrived = unpacked(sent)

    assert type(arrived) is type(error)
    assert str(arrived) == str(error)
    assert reason_of(arrived) == reason_of(error)
    assert vars(arrived).keys() == vars(error).keys()


def test_what_cannot_be_sent_is_none() -> None:
    assert packed(ValueError(Lock())) is None
