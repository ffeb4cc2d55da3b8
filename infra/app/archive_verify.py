"""Verify an archive by itself, and beside the store."""

from collections.abc import Sequence
from typing import NamedTuple

from sqlalchemy import Connection

from infra.app.container import Waybill
from infra.archive.event_digest import EventDigest
from infra.archive.event_rows import StoredEvents
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.manifest import Manifest
from infra.archive.store_standing import OtherHistoryError, expect_same_history, standing_of
from infra.archive.verifying import ANEW, ArchiveFinding, ArchiveVerifier
from infra.store.engine import read_in_snapshot
from infra.store.pruned import pruned_digests
from infra.telemetry.progress import OnProgress, ProgressLog, tell_nobody

STORE = "store"
"""The part of a verification that reads the events of the store."""


class VerifiedArchive(NamedTuple):
    """What was looked at, up to which run, and what is wrong. `compared_events` is None if no store was compared.

    `manifest_has_hash`: an earlier waybill wrote a manifest without a hash of itself, so changes in it may pass unseen.
    """

    archive: str
    run: int
    position: int
    files: int
    rows: int
    events: int
    compared_events: int | None
    manifest_has_hash: bool
    findings: Sequence[ArchiveFinding]


def verify_archive(url: str, tell: OnProgress = tell_nobody, store: Waybill | None = None) -> VerifiedArchive:
    """Read the whole archive: hashes, rows, positions, versions of streams, partitions and books.

    With `store`, its events up to the archive's position are compared, too. Raises NoArchiveError, WrongFolderError,
    MissingPackageError and OSError.
    """
    folder, log = ArchiveFolder(url), ProgressLog("archive_progress")
    manifest = read_manifest(folder)

    def told(part: str, done: int, total: int) -> None:
        tell(part, done, total)
        log.tell(part, done, total)

    verifier = ArchiveVerifier(folder, manifest, told)
    verifier.verify()
    findings, compared = list(verifier.findings), None
    if store is not None:
        compared, differing = _compared(store, folder, manifest, verifier.events, told)
        findings += differing
    return VerifiedArchive(
        folder.url,
        manifest.number,
        manifest.position,
        verifier.files,
        verifier.rows,
        verifier.events.events,
        compared,
        manifest.sha256 is not None,
        findings,
    )


def _compared(
    waybill: Waybill, folder: ArchiveFolder, manifest: Manifest, archived: EventDigest, tell: OnProgress
) -> tuple[int, Sequence[ArchiveFinding]]:
    """How many events of the store were compared, and how they differ."""
    stored = EventDigest()
    problem = ""

    def read(connection: Connection) -> None:
        nonlocal stored, problem
        stored, problem = EventDigest(), ""
        standing = standing_of(connection, waybill.backend, waybill.settings.topic_prefix)
        try:
            expect_same_history(connection, waybill.backend, manifest, standing, folder.url)
        except OtherHistoryError as e:
            problem = str(e)
            return
        for page in StoredEvents(connection, waybill.backend).pages(0, manifest.position):
            for event in page:
                stored.add(*event)
            tell(STORE, page[-1][0], manifest.position)
        for events, digest in pruned_digests(connection):
            stored.add_all(events, digest)

    read_in_snapshot(waybill.engine, read)
    if problem:
        return 0, [ArchiveFinding("events", problem, "set WAYBILL_STORE to the store of this archive")]
    if stored.events != archived.events:
        told = f"has {archived.events} events, and the store has {stored.events} up to position {manifest.position}"
        return stored.events, [ArchiveFinding("events", told, ANEW)]
    if stored.digest != archived.digest:
        told = f"has other events than the store up to position {manifest.position}, as many as it"
        return stored.events, [ArchiveFinding("events", told, ANEW)]
    return stored.events, []
