"""The parts of authentication by themselves: keys that a process knows, rate limits, uses of keys, the state folder."""

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import structlog

from infra.app.api_key import ApiKey, hash_of, key_of, new_key
from infra.settings import Settings
from infra.store.keys import Role, StoredKey
from infra.web.security import limits
from infra.web.security.key_ring import SECONDS_KEPT, KeyRing
from infra.web.security.last_used import SECONDS_BETWEEN_WRITES, LastUsed
from infra.web.security.limits import RateLimit, client_network
from infra.web.security.principal import Principal
from infra.web.security.state_folder import SESSION_SECRET, StateFolder, StateFolderError

NOW = datetime(2025, 3, 7, 12, tzinfo=UTC)


class Elapsed:
    """A stopwatch that a test moves, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


class Store:
    """Keys that a test changes; it counts how often they are read."""

    def __init__(self, *keys: StoredKey):
        self.keys = {key.key_id: key for key in keys}
        self.read = 0

    def __call__(self) -> Mapping[str, StoredKey]:
        self.read += 1
        return dict(self.keys)


def stored(key: ApiKey) -> StoredKey:
    return StoredKey(key.key_id, hash_of(key.secret), "ann", {Role.READ}, None, NOW, "bo")


# given keys in the store


def test_a_revoked_key_works_for_a_second_at_most() -> None:
    key, elapsed = new_key(), Elapsed()
    store = Store(stored(key))
    ring = KeyRing(store, lambda: NOW, elapsed)
    assert ring.proven(key) and ring.working(key.key_id)

    store.keys[key.key_id] = stored(key)._replace(revoked_at=NOW)
    elapsed.seconds += SECONDS_KEPT + 0.01
    assert ring.proven(key) is None and ring.working(key.key_id) is None
    assert not ring.is_empty()


def test_a_new_key_works_at_once_and_wrong_ones_do_not_read_the_store_each_time() -> None:
    key, elapsed, store = new_key(), Elapsed(), Store()
    ring = KeyRing(store, lambda: NOW, elapsed)
    assert ring.is_empty()
    store.keys[key.key_id] = stored(key)
    elapsed.seconds += 0.05
    assert ring.proven(key)

    elapsed.seconds += 0.05
    before = store.read
    for _ in range(100):
        assert ring.proven(new_key()) is None
        assert ring.proven(ApiKey(key.key_id, new_key().secret)) is None
    assert store.read == before + 1


def test_requests_fail_while_the_keys_cannot_be_read() -> None:
    def fail() -> Mapping[str, StoredKey]:
        raise ConnectionError

    key, elapsed = new_key(), Elapsed()
    ring = KeyRing(Store(stored(key)), lambda: NOW, elapsed)
    assert ring.working(key.key_id)
    ring._read = fail
    elapsed.seconds += SECONDS_KEPT + 0.01
    with pytest.raises(ConnectionError):
        ring.working(key.key_id)


def test_a_key_is_recognised_and_shows_its_secret_nowhere_else() -> None:
    key = new_key()
    assert key_of(key.text) == key and key.text.startswith("wbk_")
    assert key.secret not in f"{key} {key!r}"
    for text in ("", "wbk_", key.text + "\n", key.text.upper(), key.text[:-1], f" {key.text}"):
        assert key_of(text) is None


def test_a_key_of_one_source_publishes_of_no_other() -> None:
    bound = Principal("erp", {Role.PUBLISH}, "/erp/eu")
    assert bound.may_publish("/erp/eu") and not bound.may_publish("/erp") and not bound.may_publish("/erp/eu/")
    assert Principal("any", {Role.PUBLISH}).may_publish("/erp/eu")
    assert not Principal("reader", {Role.READ}).may_publish("/erp/eu")


# given many requests


def test_a_limit_gives_a_burst_and_then_a_rate() -> None:
    elapsed = Elapsed()
    limit = RateLimit(per_second=2, burst=3, clock=elapsed)
    assert [limit.take("a") for _ in range(4)] == [0, 0, 0, 0.5]
    assert limit.take("b") == 0
    elapsed.seconds += 0.5
    assert [limit.take("a") for _ in range(2)] == [0, 0.5]


def test_a_limit_remembers_only_so_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "MOST_BUCKETS", 10)
    limit = RateLimit(1, 1, Elapsed())
    for number in range(1_000):
        limit.take(number)
    assert len(limit._buckets) == 10
    assert limit.take(999) == 1 and limit.take(0) == 0


def test_addresses_of_one_ipv6_host_are_counted_together() -> None:
    assert client_network("2001:db8::1") == client_network("2001:db8::ffff:1") != client_network("2001:db8:0:1::1")
    assert client_network("::ffff:192.0.2.1") == client_network("192.0.2.1") != client_network("192.0.2.2")
    assert client_network("unix") == "unix"


# given a state folder


@pytest.fixture
def folder(tmp_path: Path) -> StateFolder:
    return StateFolder(tmp_path / "state" / "waybill.db-0123456789ab")


def test_the_first_use_is_written_at_once_and_later_ones_every_minute(folder: StateFolder) -> None:
    elapsed = Elapsed()
    uses = LastUsed(folder, elapsed)
    uses.note("a", NOW)
    assert folder.last_used() == {"a": NOW}
    uses.note("a", NOW + timedelta(seconds=1))
    assert folder.last_used() == {"a": NOW}
    elapsed.seconds += SECONDS_BETWEEN_WRITES
    uses.note("a", NOW + timedelta(seconds=60))
    assert folder.last_used() == {"a": NOW + timedelta(seconds=60)}
    uses.note("a", NOW + timedelta(seconds=61))
    uses.write()
    assert folder.last_used() == {"a": NOW + timedelta(seconds=61)}


def test_uses_that_could_not_be_written_are_written_the_next_time(folder: StateFolder) -> None:
    folder.path.parent.mkdir(parents=True)
    folder.path.touch()  # in the way of the folder
    uses = LastUsed(folder, Elapsed())
    uses.note("a", NOW)
    uses.note("b", NOW)
    uses.note("a", NOW + timedelta(seconds=1))

    folder.path.unlink()
    uses.write()

    assert folder.last_used() == {"a": NOW + timedelta(seconds=1), "b": NOW}


def test_several_processes_merge_and_the_latest_use_counts(folder: StateFolder) -> None:
    def note(number: int) -> None:
        StateFolder(folder.path).merge_last_used({f"key {number}": NOW, "shared": NOW + timedelta(seconds=number)})

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(note, range(40)))
    found = folder.last_used()
    assert len(found) == 41 and found["shared"] == NOW + timedelta(seconds=39)
    assert sorted(path.name for path in folder.path.iterdir()) == [".lock", "last-used.json"]


def test_the_secret_of_sessions_is_made_once_and_is_ours_alone(folder: StateFolder) -> None:
    made: list[bytes] = []
    threads = [threading.Thread(target=lambda: made.append(folder.session_secret())) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(made)) == 1 and len(made) == 8
    assert (folder.path / SESSION_SECRET).stat().st_mode & 0o077 == 0 == folder.path.stat().st_mode & 0o077


def test_a_folder_that_others_may_write_is_not_believed(folder: StateFolder) -> None:
    folder.path.mkdir(parents=True)
    folder.path.chmod(0o777)
    with pytest.raises(StateFolderError, match="others may write there"):
        folder.session_secret()


def test_a_damaged_file_is_begun_anew(folder: StateFolder) -> None:
    folder.merge_last_used({"a": NOW})
    for damaged in (b"", b"[1]", b'{"a": 1}', b'{"a": "yesterday"}', b"\xff"):
        (folder.path / "last-used.json").write_bytes(damaged)
        assert folder.last_used() == {}
    folder.merge_last_used({"b": NOW})
    assert folder.last_used() == {"b": NOW}


def test_a_sign_out_is_forgotten_when_the_session_would_have_ended(folder: StateFolder) -> None:
    folder.merge_signed_out({"old": NOW, "new": NOW + timedelta(hours=1)}, NOW - timedelta(hours=1))
    folder.merge_signed_out({}, NOW)
    assert folder.signed_out() == {"new": NOW + timedelta(hours=1)}


def test_a_folder_that_cannot_be_written_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with structlog.testing.capture_logs() as logs:
        LastUsed(StateFolder(tmp_path / "file" / "state")).note("a", NOW)
    assert [(line["event"], line["log_level"]) for line in logs] == [("state_folder_failed", "warning")]


def test_each_store_has_its_own_folder_whose_name_has_no_password(tmp_path: Path) -> None:
    def path_of(store: str) -> Path:
        return StateFolder.of(Settings(store=store, state_folder=str(tmp_path))).path

    assert path_of("sqlite:///a.db") != path_of("sqlite:///b.db")
    assert path_of("sqlite:///a.db") == path_of(f"sqlite:///{Path.cwd()}/a.db")
    assert path_of("postgresql://w:one@db/waybill") == path_of("postgresql://w:two@db/waybill")
    assert path_of("postgresql://w@db/waybill").name.startswith("waybill-")
