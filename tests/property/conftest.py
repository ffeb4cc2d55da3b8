"""CI tries fewer examples on PostgreSQL than on SQLite."""

from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import settings

from tests.property.stores import fewer_on_postgresql

CHOSEN = "_hypothesis_internal_use_settings"
"""Where Hypothesis keeps the settings of a property. It has no public way to choose them for one of its parameters."""


@pytest.hookimpl(wrapper=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> Generator[None, Any, Any]:
    """Try a property with stores on PostgreSQL as often as `fewer_on_postgresql` says."""
    chosen = getattr(pyfuncitem.obj, CHOSEN, None)
    if chosen is None or pyfuncitem.get_closest_marker("postgres") is None:
        return (yield)
    setattr(pyfuncitem.obj, CHOSEN, settings(chosen, max_examples=fewer_on_postgresql(chosen.max_examples)))
    try:
        return (yield)
    finally:
        setattr(pyfuncitem.obj, CHOSEN, chosen)
