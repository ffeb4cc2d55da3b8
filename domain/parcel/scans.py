"""Scans: the messages of carriers about a tracking number."""

import hashlib


def scan_digest(tracking_number: str, source: str, message_id: str) -> str:
    """Identifies a scan in other tables: 32 hexadecimal digits."""
    # No id has a control character, so this is unambiguous.
    return hashlib.sha256("\0".join((tracking_number, source, message_id)).encode()).hexdigest()[:32]
