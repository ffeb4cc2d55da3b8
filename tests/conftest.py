"""What all tests share: how hard the properties are tried.

HYPOTHESIS_PROFILE picks the profile: `ci` (few examples, always the same ones), `default`, or `thorough`.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.integration.command import Command, Nursery

settings.register_profile("ci", derandomize=True, max_examples=30, deadline=None, print_blob=True)
settings.register_profile("default", max_examples=100, deadline=None)
settings.register_profile("thorough", max_examples=3000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


# The command as a process (see tests/integration/command.py): for tests/integration, tests/oracle and tests/fault.


@pytest.fixture(scope="session")
def nursery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nursery]:
    """Where the command's processes come from."""
    nursery = Nursery(tmp_path_factory.mktemp("nursery"))
    yield nursery
    nursery.close()


@pytest.fixture
def waybill(nursery: Nursery, tmp_path: Path) -> Command:
    """The command with an empty store."""
    return Command(nursery, tmp_path)


@pytest.fixture
def other(nursery: Nursery, tmp_path: Path) -> Command:
    """The command with another empty store, to compare the first one with."""
    folder = tmp_path / "other"
    folder.mkdir()
    return Command(nursery, folder)
