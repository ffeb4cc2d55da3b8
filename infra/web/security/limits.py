"""Rate limits in bounded memory: token buckets, of which the least recently used are forgotten."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from ipaddress import IPv6Address, ip_address, ip_network
from threading import Lock
from time import monotonic

MOST_BUCKETS = 10_000


class RateLimit:
    """`burst` at once, and `per_second` on average, for each of many (addresses, keys)."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float] = monotonic):
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._lock = Lock()
        self._buckets: OrderedDict[Hashable, tuple[float, float]] = OrderedDict()

    def take(self, whose: Hashable) -> float:
        """Take one; returns 0, or, if none is left, after how many seconds there is one."""
        now = self._clock()
        with self._lock:
            left, before = self._buckets.pop(whose, (self._burst, now))
            left = min(self._burst, left + (now - before) * self._per_second)
            wait = 0.0 if left >= 1 else (1 - left) / self._per_second
            self._buckets[whose] = (left if wait else left - 1, now)
            if len(self._buckets) > MOST_BUCKETS:
                self._buckets.popitem(last=False)
        return wait


def client_network(address: str) -> str:
    """Whose failures are counted together: an IPv4 address, or the /64 network of an IPv6 one, which one host has."""
    try:
        ip = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, IPv6Address):
        return str(ip.ipv4_mapped) if ip.ipv4_mapped else str(ip_network((ip, 64), strict=False))
    return str(ip)
