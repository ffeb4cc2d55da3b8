"""Reading a request's body in flat memory."""

import hashlib
from collections.abc import AsyncIterable
from typing import NamedTuple

from consumers.sources.source import KEPT_BYTES, Whole


class Body(NamedTuple):
    """The bytes; of a body that is too large the first 64 KiB, and `whole` has the size and SHA-256 of all of it."""

    content: bytes
    whole: Whole | None = None


async def read_body(chunks: AsyncIterable[bytes], most: int) -> Body:
    """Read a body of any size, and keep at most so many bytes of it in memory."""
    kept, size, digest = bytearray(), 0, hashlib.sha256()
    async for chunk in chunks:
        size += len(chunk)
        if size <= most:
            kept += chunk
            continue
        if size - len(chunk) <= most:
            digest.update(kept)  # it has just become too large
            kept = (kept + chunk)[:KEPT_BYTES]
        digest.update(chunk)
    if size <= most:
        return Body(bytes(kept))
    return Body(bytes(kept), Whole(size, digest.hexdigest()))
