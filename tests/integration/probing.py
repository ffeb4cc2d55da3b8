"""A process's endpoints, asked as Prometheus and a prober ask them."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from typing import Any

PATIENCE_SECONDS = 60


def asked(port: int, path: str) -> tuple[int, str]:
    """The status and the body."""
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=PATIENCE_SECONDS) as response:
            return response.status, response.read().decode()
    except urllib.error.HTTPError as e:
        return e.code, e.read().decode()


def problems_of(port: int, path: str = "/readyz") -> dict[str, Any]:
    """What /readyz says is wrong, by part."""
    status, body = asked(port, path)
    told = json.loads(body)
    assert (status == 200) == told["ok"] == (not told["problems"])
    return {problem["part"]: problem for problem in told["problems"]}


def values(port: int) -> dict[str, float]:
    """Every series of /metrics and its value."""
    status, body = asked(port, "/metrics")
    assert status == 200
    lines = [line.rpartition(" ") for line in body.splitlines() if line and not line.startswith("#")]
    return {series: float(value) for series, _, value in lines}


def until(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.05)
