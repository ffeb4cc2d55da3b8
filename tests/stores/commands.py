"""The command on a store that is named by its URL, in processes of their own."""

import json
import os
import subprocess
import sys
from typing import Any

from infra.simulation import DEFAULT_UNTIL

WAYBILL = (sys.executable, "-c", "from infra.cli import main; main()")
AS_OF = DEFAULT_UNTIL.isoformat()
VIEWS = ("overdue", "at-risk", "workload", "late", "follow-ups")


def environment(url: str) -> dict[str, str]:
    return {
        **os.environ,
        "WAYBILL_STORE": url,
        "WAYBILL_BATCH_MESSAGES": "40",
        "WAYBILL_BATCH_EVENTS": "200",
        "WAYBILL_LOG_LEVEL": "error",
    }


def started(url: str, *arguments: object) -> subprocess.Popen[bytes]:
    """A process that was begun; whoever began it waits for it."""
    return subprocess.Popen(
        [*WAYBILL, *map(str, arguments)], env=environment(url), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )


def asked(url: str, *arguments: object) -> Any:
    """What the command answers in JSON; the test fails when it fails."""
    ran = subprocess.run(
        [*WAYBILL, *map(str, arguments), "--format", "json"], env=environment(url), capture_output=True, check=False
    )
    assert ran.returncode in (0, 1), ran.stderr.decode()
    return json.loads(ran.stdout)
