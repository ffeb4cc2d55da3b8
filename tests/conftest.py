"""What all tests share: how hard the properties are tried.

HYPOTHESIS_PROFILE picks the profile: `ci` (few examples, always the same ones), `default`, or `thorough`.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NoReturn
from uuid import uuid4

import pytest
import structlog
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadFileScheduling

from infra.telemetry.declared import check_declared
from tests.integration.broker import Broker, NoBrokerError, Topics, private_broker, shared_broker
from tests.integration.command import Command, Nursery
from tests.skipped import pytest_terminal_summary

__all__ = ["pytest_terminal_summary"]

# These helpers assert for the tests: a failure must show the values.
pytest.register_assert_rewrite("tests.unit.domain.specification", "tests.unit.projections.specification")

# What kafka-python complains about while a broker is down would bury what a failed test has to say.
logging.getLogger("kafka").setLevel(logging.CRITICAL)

# A busy machine draws slowly, which is no fault.
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("ci", UNTIMED, derandomize=True, max_examples=20, print_blob=True)
settings.register_profile("default", UNTIMED, max_examples=100)
settings.register_profile("thorough", UNTIMED, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))


TESTS = Path(__file__).parent
ORDER = {"spark": 0, "contract": 2, "unit": 2}

# A line that infra/telemetry/events.py does not declare is an error wherever a test logs it.
structlog.configure(processors=[check_declared, *structlog.get_config()["processors"]])


class OneWorkerForSpark(LoadFileScheduling):  # type: ignore[misc]
    """A worker takes all tests of a file, and all of tests/spark: a session of Spark takes seconds to start."""

    def _split_scope(self, nodeid: str) -> str:
        return SPARK_TESTS if nodeid.startswith(SPARK_TESTS) else str(super()._split_scope(nodeid))


SPARK_TESTS = "tests/spark/"


@pytest.hookimpl(optionalhook=True)  # without -n, nobody asks for it
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """See pytest-xdist's hook of this name; None leaves it to --dist."""
    return OneWorkerForSpark(config, log) if config.getvalue("dist") == "loadfile" else None


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The folder that one worker takes whole comes first, and those whose files are all quick last.

    So no worker has long to do when the others have ended.
    """
    items.sort(key=lambda item: ORDER.get(item.path.relative_to(TESTS).parts[0], 1))


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


# A real Kafka (see tests/integration/broker.py).


@pytest.fixture(scope="module", autouse=True)
def logs_as_they_were() -> Iterator[None]:
    """What one module's tests make of the logs, the next one's must not find: they wait for lines to be logged."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a broker for all tests of this run; WAYBILL_TEST_KAFKA names one that is there."""
    given = os.environ.get("WAYBILL_TEST_KAFKA")
    if given:
        yield given
        return
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kafka"
    with ExitStack() as stack:
        try:
            url = stack.enter_context(shared_broker(folder))
        except NoBrokerError as e:
            without_kafka(e)
        yield url


@pytest.fixture
def topics(kafka: str) -> Iterator[Topics]:
    """A prefix for topics of the test's own, which are deleted at its end."""
    topics = Topics(kafka, f"t{uuid4().hex[:12]}.")
    yield topics
    topics.delete()


@pytest.fixture
def own_broker(tmp_path: Path) -> Iterator[Broker]:
    """A broker of the test's own, to be stopped, killed and started again."""
    try:
        broker = private_broker(tmp_path / "kafka")
    except NoBrokerError as e:
        without_kafka(e)
    with broker.guarded():
        yield broker


def without_kafka(why: NoBrokerError) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(f"Kafka is needed here: {why}")
    pytest.skip(f"needs Kafka: {why}; WAYBILL_TEST_KAFKA may name a broker")
