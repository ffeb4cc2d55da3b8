"""Shares: names are divided, so that what is counted for each of them fits into memory, some names at a time."""

from collections.abc import Callable, Iterator
from zlib import crc32


def shares_of(rows: int, at_once: int) -> Iterator[Callable[[str], bool]]:
    """Conditions that divide the names in so many rows into shares of about `at_once` rows, each name into one."""
    shares = rows // at_once + 1
    for share in range(shares):
        # The lowest bits are those of the bucket.
        yield lambda name, share=share: shares == 1 or (crc32(name.encode()) >> 12) % shares == share  # type: ignore[misc]
