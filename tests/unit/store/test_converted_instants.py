"""Instants are stored on SQLite as microseconds since 1970. Those that many rows share are converted once."""

from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy.dialects import sqlite

from projections.views import columns
from projections.views.columns import EPOCH, Instant, driver_converter


@pytest.mark.parametrize("most_kept", [0, 3, 50_000])
def test_every_instant_is_converted_by_itself_however_many_are_kept(
    most_kept: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(columns, "_MOST_INSTANTS", most_kept)
    convert = driver_converter(Instant(), sqlite.dialect())
    assert convert is not None
    began = datetime(2026, 3, 2, 9, tzinfo=UTC)
    instants = [None, *(began + timedelta(microseconds=number) for number in range(10)), EPOCH]

    for column in (instants, instants[::-1]):
        assert convert(column) == [
            None if instant is None else (instant - EPOCH) // timedelta(microseconds=1) for instant in column
        ]
