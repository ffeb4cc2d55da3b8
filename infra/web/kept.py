"""Answers that are kept for a short while, because they take long and many people look at the same ones."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

SECONDS_KEPT = 60.0
MOST_KEPT = 64

Answer = TypeVar("Answer")


class Kept:
    """Keeps answers by key; one thread computes an answer while others wait for it. What failed is not kept."""

    def __init__(self, seconds: float = SECONDS_KEPT, clock: Callable[[], float] = monotonic):
        self._seconds, self._clock = seconds, clock
        self._lock = Lock()
        self._computing: dict[Hashable, Lock] = {}
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    def __call__(self, key: Hashable, compute: Callable[[], Answer]) -> Answer:
        """The answer for a key, computed unless it was in the last `seconds`."""
        with self._lock:
            computing = self._computing.setdefault(key, Lock())
        with computing:
            with self._lock:
                kept = self._answers.get(key)
            if kept is not None and self._clock() - kept[0] < self._seconds:
                answer: Answer = kept[1]
                return answer
            answer = compute()
            with self._lock:
                self._answers[key] = (self._clock(), answer)
                self._answers.move_to_end(key)
                while len(self._answers) > MOST_KEPT:
                    oldest, _ = self._answers.popitem(last=False)
                    self._computing.pop(oldest, None)
            return answer
