"""A digest of a set of events, whatever the order in which they are added."""

import hashlib

_MODULUS = 2**256


class EventDigest:
    """Counts events, and adds up the SHA-256 of each: two sets with the same sum are the same."""

    def __init__(self) -> None:
        self.events = 0
        self._sum = 0

    def add(self, position: int, stream: str, version: int, topic: str, state: bytes) -> str:
        """Add an event; returns the SHA-256 of its state, in hexadecimal digits."""
        of_state = hashlib.sha256(state).digest()
        said = f"{position}\0{stream}\0{version}\0{topic}\0".encode() + of_state
        self._sum = (self._sum + int.from_bytes(hashlib.sha256(said).digest(), "big")) % _MODULUS
        self.events += 1
        return of_state.hex()

    def add_all(self, events: int, digest: str) -> None:
        """Add so many events that have this digest."""
        self._sum = (self._sum + int(digest, 16)) % _MODULUS
        self.events += events

    @property
    def digest(self) -> str:
        """The sum, in hexadecimal digits."""
        return f"{self._sum:064x}"
