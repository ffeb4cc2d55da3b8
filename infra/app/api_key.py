"""Keys as text: `wbk_ID_SECRET`. The id finds the stored key; the secret proves that the sender holds it."""

import base64
import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field

_KEY = re.compile(r"wbk_([a-z2-7]{12})_([0-9a-f]{64})")


@dataclass(frozen=True)
class ApiKey:
    """A key that somebody holds. Only its id may be shown, logged or stored as it is."""

    key_id: str
    secret: str = field(repr=False)

    @property
    def text(self) -> str:
        """The key itself, to be shown once."""
        return f"wbk_{self.key_id}_{self.secret}"


def new_key() -> ApiKey:
    """A new key: an id of 60 random bits, and a secret of 256."""
    return ApiKey(base64.b32encode(secrets.token_bytes(8)).decode().lower()[:12], secrets.token_hex(32))


def key_of(text: str) -> ApiKey | None:
    """The key in a text that is one; None for any other text."""
    found = _KEY.fullmatch(text)
    return None if found is None else ApiKey(found[1], found[2])


def hash_of(secret: str) -> str:
    """What is stored of a secret: its SHA-256, in hexadecimal.

    A slow hash (argon2, scrypt) protects passwords, because people choose guessable ones. A secret here is 256 random
    bits, so nobody finds it from its hash by trying, however fast the hash is, and no salt is needed: no two are alike.
    A fast hash keeps authentication cheap, so that it is no way to exhaust the server.
    """
    return hashlib.sha256(secret.encode()).hexdigest()


_HASH_OF_NONE = hash_of(secrets.token_hex(32))
"""Nobody knows what it is the hash of."""


def proves(secret: str, stored_hash: str | None) -> bool:
    """Whether this is the secret that was hashed. None, for a key that is not known, takes the same time."""
    return hmac.compare_digest(hash_of(secret), stored_hash if stored_hash is not None else _HASH_OF_NONE)
