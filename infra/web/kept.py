"""Answers that are kept for a short while, because they take long and many people look at the same ones."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from threading import Lock
from time import monotonic
from typing import Any, TypeVar

SECONDS_KEPT = 60.0
MOST_KEPT = 64

Answer = TypeVar("Answer")


@dataclass
class _Computing:
    """A key whose answer is asked for now: one of those who ask holds the lock and computes it."""

    lock: Lock = field(default_factory=Lock)
    asking: int = 0


class Kept:
    """Keeps answers by key; one thread computes an answer while others wait for it. What failed is not kept.

    At most MOST_KEPT answers are kept, the latest computed; of a key without one nothing is.
    """

    def __init__(self, seconds: float = SECONDS_KEPT, clock: Callable[[], float] = monotonic):
        self._seconds, self._clock = seconds, clock
        self._lock = Lock()
        self._computing: dict[Hashable, _Computing] = {}
        self._answers: OrderedDict[Hashable, tuple[float, Any]] = OrderedDict()

    @property
    def size(self) -> int:
        """How many keys are remembered: those with an answer, and those that are asked for now."""
        with self._lock:
            return len(self._answers.keys() | self._computing.keys())

    def __call__(self, key: Hashable, compute: Callable[[], Answer]) -> Answer:
        """The answer for a key, computed unless it was in the last `seconds`."""
        with self._lock:
            computing = self._computing.setdefault(key, _Computing())
            computing.asking += 1
        try:
            with computing.lock:
                return self._found(key, compute)
        finally:
            with self._lock:
                computing.asking -= 1
                if not computing.asking:
                    del self._computing[key]

    def _found(self, key: Hashable, compute: Callable[[], Answer]) -> Answer:
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
                self._answers.popitem(last=False)
        return answer
