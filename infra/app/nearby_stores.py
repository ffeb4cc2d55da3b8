"""What to type when there is no store where the settings say: the stores that lie in this folder."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from infra.settings import Settings
from infra.store.sqlite.file_ownership import NotAStoreError, expect_ours

WHERE_STORES_LIE = ("*.db", ".waybill/*.db", ".local/demo/*.db")
"""Patterns, relative to the working directory."""
STORES_NAMED = 3
FILES_READ = 50


def nearby_stores(folder: Path) -> list[str]:
    """The stores of this folder as WAYBILL_STORE names them, the one last written first. It only reads."""
    found = [path for pattern in WHERE_STORES_LIE for path in sorted(folder.glob(pattern))[:FILES_READ]]
    newest_first = sorted(_that_are_stores(found), key=lambda path: path.stat().st_mtime, reverse=True)
    return [f"sqlite:///{path.relative_to(folder)}" for path in newest_first[:STORES_NAMED]]


def where_the_store_may_be(settings: Settings, folder: Path) -> str:
    """The end of a message that there is no store: whether WAYBILL_STORE was set, and what to type."""
    unset = (
        "" if settings.names_store else " WAYBILL_STORE is not set, so it is the default: waybill.db in this folder."
    )
    if settings.names_kafka:
        unset += " With Kafka, waybill up creates it from the topics; of a lost database: docs/runbook.md, 12 and 13."
    stores = nearby_stores(folder)
    if not stores:
        return unset
    few = "store" if len(stores) == 1 else "stores"
    return f"{unset} {few.capitalize()} found here: " + "; or ".join(
        f"export WAYBILL_STORE={store}" for store in stores
    )


def _that_are_stores(paths: list[Path]) -> Iterator[Path]:
    for path in paths:
        try:
            if path.is_file() and path.stat().st_size:
                expect_ours(path)
                yield path
        except (NotAStoreError, sqlite3.Error, OSError):
            continue  # another program's file, or one that may not be read: not worth a word here
