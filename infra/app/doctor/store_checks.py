"""Checks of the store: reachable, versions, disk, clock."""

from infra.app.doctor.finding import Finding, duration, warning, wrong
from infra.app.doctor.limits import CLOCK_WARNING, CLOCK_WRONG, DISK_WARNING_SHARE, DISK_WRONG_SHARE
from infra.app.doctor.seen import Seen, StoreSeen, Unread


def check_store(seen: Seen) -> list[Finding]:
    """Whether it can be read, and has this version's schema. Without it, no other check of it can be made."""
    if not isinstance(seen.store, Unread):
        return []
    return [wrong("store", f"the store cannot be read: {seen.store.reason}", seen.store.to_type)]


def check_rules(store: StoreSeen) -> list[Finding]:
    stored, own, resettling = store.rules
    if stored > own:
        problem = f"messages are judged by rules of version {stored}, and this waybill knows version {own}"
        return [wrong("rules", f"{problem}: it must not write", "install the newer waybill here")]
    if stored < own:
        problem = f"messages are judged by rules of version {stored}, and this waybill judges by version {own}"
        return [wrong("rules", problem, "stop all writers, then: waybill migrate")]
    if resettling:
        return [wrong("rules", "a migration was not finished, and blocks all writers", "waybill migrate")]
    return []


def check_disk(store: StoreSeen | Unread) -> list[Finding]:
    """Of an SQLite store, whether it can be read or not; PostgreSQL does not tell how full its disk is."""
    disk = store.disk
    if disk is None or not disk.total:
        return []
    share = disk.free / disk.total
    if share > DISK_WARNING_SHARE:
        return []
    problem = (
        f"the disk of {disk.path} has {_size(disk.free)} left, {share:.0%} of it; the store has {_size(disk.store)}"
    )
    make = wrong if share <= DISK_WRONG_SHARE or disk.free < disk.store // 10 else warning
    return [make("disk", problem, make_room(disk.path))]


def make_room(folder: str) -> str:
    """What to type when the disk of a folder is full."""
    return f"make room on the disk: du -xh {folder} | sort -h | tail"


def check_store_clock(store: StoreSeen) -> list[Finding]:
    """The server of the database against this machine."""
    skew = store.clock
    if skew is None or abs(skew) < CLOCK_WARNING:
        return []
    make = wrong if abs(skew) >= CLOCK_WRONG else warning
    way = "ahead of" if skew.total_seconds() > 0 else "behind"
    return [
        make(
            "database clock", f"the database's clock is {duration(skew)} {way} this machine's", "timedatectl (on both)"
        )
    ]


def _size(size: int) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1_000:
            return f"{size:.0f} {unit}"
        size //= 1_000
    return f"{size:.0f} TB"
