"""The state folder: what a server remembers outside the store, because a question never writes the store.

It holds the secret that signs sessions, when each key was last used, and which sessions were signed out. Each store has
its own folder under WAYBILL_STATE_FOLDER. Several processes share it: files are merged under a lock and replaced whole.
"""

import fcntl
import hashlib
import json
import os
import re
import secrets
import stat
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from consumers.contract.writing import instant_text
from infra.masking import masked_value
from infra.settings import Settings

SECRET_BYTES = 32
LAST_USED, SIGNED_OUT, SESSION_SECRET = "last-used.json", "signed-out.json", "session-secret"


class StateFolderError(Exception):
    """The state folder cannot be read or written; the message names it and the setting."""


class StateFolder:
    """The folder of one store."""

    def __init__(self, path: Path):
        self.path = path

    @classmethod
    def of(cls, settings: Settings) -> "StateFolder":
        """The folder of the configured store, whether it exists or not."""
        base = settings.state_folder.strip()
        if not base:
            base = str(Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state") / "waybill")
        # Without a home folder, `~` stays as it is: then nothing can be written there, which is told on the way.
        return cls(Path(os.path.expanduser(base)) / _name_of(settings))  # noqa: PTH111

    @property
    def store_name(self) -> str:
        """A short name of the store, for a cookie: sessions of two servers on one host are kept apart."""
        return self.path.name.rpartition("-")[2]

    def last_used(self) -> Mapping[str, datetime]:
        """When each key was last used (UTC), by its id. Raises StateFolderError."""
        return self._instants(LAST_USED)

    def merge_last_used(self, seen: Mapping[str, datetime]) -> None:
        """Note when keys were used; the latest use of each counts. Raises StateFolderError."""
        self._merge(LAST_USED, seen)

    def signed_out(self) -> Mapping[str, datetime]:
        """The sessions that were signed out, by id, and when each would have ended (UTC). Raises StateFolderError."""
        return self._instants(SIGNED_OUT)

    def merge_signed_out(self, ended: Mapping[str, datetime], now: datetime) -> None:
        """Note sessions that were signed out; those that would have ended by now are forgotten."""
        self._merge(SIGNED_OUT, ended, not_before=now)

    def session_secret(self) -> bytes:
        """The secret that signs sessions; made at the first call. Raises StateFolderError."""
        with self._locked():
            path = self.path / SESSION_SECRET
            if path.exists():
                found = path.read_bytes()
                if len(found) == SECRET_BYTES:
                    return found
            made = secrets.token_bytes(SECRET_BYTES)
            self._replace(SESSION_SECRET, made)
            return made

    def _instants(self, name: str) -> dict[str, datetime]:
        try:
            found = json.loads((self.path / name).read_bytes())
            return {str(one): datetime.fromisoformat(text).astimezone(UTC) for one, text in found.items()}
        except FileNotFoundError:
            return {}
        except OSError as e:
            raise self._failed(e) from e
        except (ValueError, AttributeError, TypeError):
            return {}  # somebody edited it, or the disk was full: nothing here is worth a failure

    def _merge(self, name: str, told: Mapping[str, datetime], not_before: datetime | None = None) -> None:
        with self._locked():
            known = self._instants(name)
            for one, instant in told.items():
                known[one] = max(instant, known.get(one, instant))
            kept = {one: at for one, at in known.items() if not_before is None or at > not_before}
            self._replace(name, json.dumps({one: instant_text(at) for one, at in kept.items()}, indent=1).encode())

    def _replace(self, name: str, content: bytes) -> None:
        """Write a file whole: a reader sees the old content or the new."""
        unfinished = self.path / f".{name}.{os.getpid()}"
        handle = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        unfinished.replace(self.path / name)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """The folder for this process alone; made if it is missing. Raises StateFolderError."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._expect_ours()
            with os.fdopen(os.open(self.path / ".lock", os.O_RDWR | os.O_CREAT, 0o600), "rb+") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                yield
        except OSError as e:
            raise self._failed(e) from e

    def _expect_ours(self) -> None:
        """Raises StateFolderError if others could have put a secret of theirs here, with which they forge sessions."""
        found = self.path.stat()
        if found.st_uid != os.geteuid() or found.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise StateFolderError(
                f"{self.path}: others may write there; make it this user's alone (chmod 700), or set "
                "WAYBILL_STATE_FOLDER to a folder of yours"
            )

    def _failed(self, error: OSError) -> StateFolderError:
        return StateFolderError(
            f"{self.path}: {error.strerror or error}; set WAYBILL_STATE_FOLDER to a folder of yours"
        )


def _name_of(settings: Settings) -> str:
    """A readable name and a digest of where the store is; passwords are left out."""
    path = settings.sqlite_path
    where = str(Path(path).resolve()) if path is not None else masked_value(settings.store)
    readable = Path(path).name if path is not None else urlsplit(where).path.strip("/")
    digest = hashlib.sha256(where.encode()).hexdigest()[:12]
    return f"{re.sub(r'[^A-Za-z0-9._]+', '_', readable)[:40]}-{digest}"
