"""Running coroutines where the thread may have an event loop already, as it has beside a browser's tests."""

import asyncio
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any


def run_alone(work: Coroutine[Any, Any, None]) -> None:
    """Run it to its end in a thread of its own. Raises what it raises."""
    with ThreadPoolExecutor(1) as alone:
        alone.submit(asyncio.run, work).result()
