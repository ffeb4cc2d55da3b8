"""A session of Apache Spark through PySpark, quiet, with plain errors where a part of it is missing.

PySpark is an optional extra, imported on first use. Under `spark-submit` the session is the one that was submitted.
"""

import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import current_thread, main_thread
from typing import Any

from infra.export.arrow_schema import MissingPackageError

OLDEST_JAVA = 17
LOCAL = "local[*]"
DRIVER_MEMORY = "2g"
"""Of Spark's JVM with a local master, where all tasks sort in it."""
FILES_LISTED_HERE = 1_000_000
"""With a local master, files are looked up by the driver: a task for each, as Spark has it from 33 on, takes longer."""
BYTES_A_BATCH = 32 * 1024 * 1024
"""What is sent to Python at once: states of events may be large, and Spark counts rows only unless told."""

_LOGS = """
rootLogger.level = warn
rootLogger.appenderRef.file.ref = console
appender.console.type = Console
appender.console.name = console
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss} %p %c{1}: %m%n%ex
"""


class SparkUnavailableError(Exception):
    """Spark cannot be started here; the message says what is missing and how to get it."""


class SparkFailedError(Exception):
    """Spark could not do its work; the message has the reason, and says where its log is."""


def pyspark() -> Any:
    """The package. Raises MissingPackageError."""
    try:
        import pandas  # noqa: F401  PySpark asks for it when a function takes Arrow batches
        import pyarrow  # noqa: F401
        import pyspark
        import pyspark.sql
    except ImportError as e:
        raise MissingPackageError(
            f"Spark needs PySpark with pandas and pyarrow ({e}): install Waybill with '.[spark]' instead of '.'; "
            f"it also needs Java {OLDEST_JAVA} or newer"
        ) from e
    return pyspark


def is_submitted() -> bool:
    """Whether `spark-submit` started this process: its options say where Spark runs."""
    return "PYSPARK_GATEWAY_PORT" in os.environ


@contextmanager
def spark_session(name: str, master: str | None = None, options: Mapping[str, str] | None = None) -> Iterator[Any]:
    """A session with this name on its pages. `master` is Spark's (None: LOCAL, or that of spark-submit).

    `options` are Spark's own, such as spark.driver.memory. A session that this process has already is used, and stays.
    Else Spark runs until the end of the context, and its log goes to a temporary file, which stays if something fails.
    Instants are in UTC.

    Raises MissingPackageError, SparkUnavailableError, and SparkFailedError for what Spark raises.
    """
    package = pyspark()
    active = package.sql.SparkSession.getActiveSession()
    if is_submitted() or active is not None:
        with _plain_errors(None):
            yield _joined(package, name, master, options or {})
        return
    expect_java()
    folder = Path(tempfile.mkdtemp(prefix="waybill-spark-"))
    log = folder / "spark.log"
    try:
        with _plain_errors(log), _silent_interruptions():
            session = _started(package, name, master or LOCAL, options or {}, folder, log)
            try:
                yield session
            finally:
                _stop(session)
    except KeyboardInterrupt:
        shutil.rmtree(folder, ignore_errors=True)  # nothing has failed
        raise
    shutil.rmtree(folder, ignore_errors=True)


def _joined(package: Any, name: str, master: str | None, options: Mapping[str, str]) -> Any:
    """The session that spark-submit, or this process before, has asked for."""
    builder = package.sql.SparkSession.builder.appName(name)
    if master is not None:
        builder = builder.master(master)
    for key, value in {**_session_options(), **options}.items():
        builder = builder.config(key, value)
    return builder.getOrCreate()


def _session_options() -> Mapping[str, str]:
    return {
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.execution.arrow.maxBytesPerBatch": str(BYTES_A_BATCH),
    }


def _started(package: Any, name: str, master: str, options: Mapping[str, str], folder: Path, log: Path) -> Any:
    from pyspark.java_gateway import launch_gateway

    logs = folder / "log4j2.properties"
    logs.write_text(_LOGS)
    conf = package.SparkConf(loadDefaults=False).setAppName(name).setMaster(master)
    quiet = f"-Dlog4j2.configurationFile={logs}"
    settings = {**_session_options(), "spark.ui.showConsoleProgress": "false"}
    if master.startswith("local"):
        # Nobody looks at the pages of a command, and its tasks find this process by the loopback address.
        settings |= {
            "spark.ui.enabled": "false",
            "spark.driver.host": "127.0.0.1",
            "spark.driver.bindAddress": "127.0.0.1",
            "spark.driver.memory": DRIVER_MEMORY,
            "spark.local.dir": str(folder),
            "spark.sql.sources.parallelPartitionDiscovery.threshold": str(FILES_LISTED_HERE),
        }
    settings |= options
    settings["spark.driver.extraJavaOptions"] = f"{options.get('spark.driver.extraJavaOptions', '')} {quiet}".strip()
    for key, value in settings.items():
        conf.set(key, value)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    os.environ.setdefault("PYSPARK_DRIVER_PYTHON", sys.executable)
    with log.open("wb") as written:
        gateway = launch_gateway(conf, {"stdout": written, "stderr": written})
    context = package.SparkContext(conf=conf, gateway=gateway)
    if current_thread() is main_thread():
        # PySpark's own handler calls the JVM in the midst of another call, and both fail; to stop Spark is enough.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    return package.sql.SparkSession(context)


@contextmanager
def _silent_interruptions() -> Iterator[None]:
    """Keep py4j from printing a traceback of the call that Ctrl-C interrupts: it does so where nobody handles logs."""
    nobody, root = logging.NullHandler(), logging.getLogger()
    root.addHandler(nobody)
    try:
        yield
    finally:
        root.removeHandler(nobody)


def _stop(session: Any) -> None:
    gateway = session.sparkContext._gateway
    session.stop()
    gateway.shutdown()
    # The JVM ends when its standard input does.
    with suppress(OSError):
        gateway.proc.stdin.close()
    gateway.proc.wait()
    # The next session of this process starts a JVM of its own.
    type(session.sparkContext)._gateway = None
    type(session.sparkContext)._jvm = None


def expect_java() -> None:
    """Raise SparkUnavailableError unless there is a Java that PySpark runs on."""
    java = shutil.which(f"{os.environ['JAVA_HOME']}/bin/java" if "JAVA_HOME" in os.environ else "java")
    remedy = (
        f"install one (on Debian and Ubuntu: apt-get install default-jre-headless), or set JAVA_HOME to Java "
        f"{OLDEST_JAVA} or newer"
    )
    if java is None:
        where = f"JAVA_HOME={os.environ['JAVA_HOME']}" if "JAVA_HOME" in os.environ else "the PATH"
        raise SparkUnavailableError(f"Spark needs Java {OLDEST_JAVA} or newer, and {where} has none: {remedy}")
    found = java_version(java)
    if found is not None and found < OLDEST_JAVA:
        raise SparkUnavailableError(f"Spark needs Java {OLDEST_JAVA} or newer, and {java} is Java {found}: {remedy}")


def java_version(java: str) -> int | None:
    """The feature version of a Java, such as 17; None if it says nothing that can be read."""
    try:
        told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False, timeout=60).stderr
    except (OSError, subprocess.TimeoutExpired):
        return None
    found = re.search(r'version "(?:1\.)?(\d+)', told)
    return None if found is None else int(found[1])


@contextmanager
def _plain_errors(log: Path | None) -> Iterator[None]:
    """Raise SparkFailedError with the reason for what Spark raises."""
    from py4j.protocol import Py4JError
    from pyspark.errors import PySparkException

    try:
        yield
    except (PySparkException, Py4JError, ConnectionError) as e:
        where = "" if log is None else f"; Spark's log is {log}"
        raise SparkFailedError(f"Spark failed: {_reason(e, log)}{where}") from e


def _reason(error: Exception, log: Path | None) -> str:
    """One line: the last of a Python traceback of an executor, if there is one; why Java ended; else what is said."""
    said = [line.strip() for line in str(error).splitlines() if line.strip()]
    raised = [line for line in said if re.match(r"[\w.]+(Error|Exception)\b.*:", line)]
    of_python = [line for line in raised if not line.startswith(("org.apache.", "java.", "py4j."))]
    if of_python:
        return of_python[-1]
    if "JAVA_GATEWAY_EXITED" in str(error) and log is not None:
        ended = [line for line in log.read_text(errors="replace").splitlines() if line.startswith(_ENDS)]
        if ended:
            return ended[0].removeprefix(_ENDS[0]).removeprefix("org.apache.spark.SparkException: ")
    return (raised or said or [type(error).__name__])[0]


_ENDS = ('Exception in thread "main" ', "Error: ", "Unrecognized ", "Error occurred ")
"""How the line of Spark's log begins that says why Java ended."""
