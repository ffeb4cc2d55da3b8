"""What a restore would do, found out before it changes anything: the archive, the store, and what the topics have."""

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from consumers.contract.topics import read_topics
from domain.rules_version import RULES_VERSION
from infra.app.container import open_backend
from infra.app.restore.errors import CannotRestoreError
from infra.app.retention import PartitionCheck, PartitionInKafka, PartitionInStore, check_partitions
from infra.archive.folder import ArchiveFolder, read_manifest
from infra.archive.manifest import Manifest
from infra.kafka.connection import kafka_connection
from infra.masking import masked
from infra.settings import Settings
from infra.store.archived_tables import ARCHIVED_TABLES
from infra.store.backend import Backend
from infra.store.newest_version import NEWEST
from infra.store.opening import Access, NoStoreError
from infra.store.restored_rows import what_it_has
from infra.store.restoring import Restoration, restoration_of
from infra.store.schema_version import stored_version

EVENTS = "events"
"""The dataset of events; each other one is a table."""


@dataclass(frozen=True)
class TopicsSeen:
    """What the topics have of what came after the archive, a row for each partition; `problem`: why nobody looked."""

    partitions: Sequence[PartitionCheck] = ()
    problem: str | None = None

    @property
    def missing(self) -> int:
        """How many messages are known to be missing."""
        return sum(one.missing for one in self.partitions if not one.is_readable)

    @property
    def is_complete(self) -> bool:
        """Whether nothing that was looked at is missing."""
        return all(one.is_readable for one in self.partitions)


@dataclass(frozen=True)
class RestorePlan:
    """An archive that can be restored into the store. `begun` is a restore from it that was interrupted."""

    folder: ArchiveFolder
    manifest: Manifest
    begun: Restoration | None
    topics: TopicsSeen


def plan_restore(settings: Settings, source: str, *, anew: bool = False) -> RestorePlan:
    """Look at everything that a restore needs. It changes nothing.

    Raises CannotRestoreError, NoArchiveError, NewerArchiveError, WrongFolderError, MissingPackageError and OSError.
    `anew`: what an interrupted restore brought may be given up.
    """
    folder = ArchiveFolder(source)
    manifest = read_manifest(folder)
    _expect_known(manifest)
    _expect_same_zone(manifest, settings)
    begun = expect_restorable(settings, manifest, anew=anew)
    _expect_files(folder, manifest)
    return RestorePlan(folder, manifest, begun, _topics_seen(manifest, settings))


def expect_restorable(settings: Settings, manifest: Manifest, *, anew: bool) -> Restoration | None:
    """The restore from this archive that the store is in; None if the store is empty. Raises CannotRestoreError."""
    try:
        backend = open_backend(settings, Access.READING)
    except NoStoreError:
        return None
    with closing(backend):
        return begun_in(backend, manifest, settings, anew=anew)


def begun_in(backend: Backend, manifest: Manifest, settings: Settings, *, anew: bool) -> Restoration | None:
    """The same of an opened store."""
    store = masked(settings.store)
    with backend.engine.connect() as connection:
        begun, version = restoration_of(connection), stored_version(connection)
        has = what_it_has(connection, backend) if begun is None and version is not None else []
    if has or (begun is not None and begun.is_open and anew):
        what = " and ".join(has) or "what was restored into it"
        raise CannotRestoreError(
            f"the store {store} is not empty: it has {what}. A restore needs an empty store: name a new one "
            "(WAYBILL_STORE), or remove this one if nobody needs it"
        )
    if begun is not None and (begun.archive_id, begun.number) != (manifest.archive_id, manifest.number) and not anew:
        raise CannotRestoreError(
            f"the store {store} is being restored from another archive, or from an earlier state of this one: "
            "name that one (--from), or give up what it brought and begin with this one (--anew)"
        )
    tables = version if begun is None else begun.store_version
    if tables not in (None, manifest.store_version):
        raise CannotRestoreError(
            f"the store {store} has tables of version {tables}, and the archive has version {manifest.store_version}: "
            "name a store that is not there yet (WAYBILL_STORE), such as a new file or a new database"
        )
    return None if anew else begun


def _expect_known(manifest: Manifest) -> None:
    """Raise CannotRestoreError for an archive that only newer code can restore."""
    for what, found, known in (
        ("store version", manifest.store_version, NEWEST),
        ("rules of version", manifest.rules_version, RULES_VERSION),
    ):
        if found > known:  # type: ignore[operator]  # both are texts or both are numbers
            raise CannotRestoreError(
                f"the archive has {what} {found}, and this waybill ({known}) is older: waybill {manifest.waybill} "
                "wrote it; install that one or a newer one"
            )
    unknown = sorted(manifest.datasets.keys() - ARCHIVED_TABLES.keys() - {EVENTS})
    if unknown:
        raise CannotRestoreError(
            f"the archive has {', '.join(unknown)}, which this waybill does not know: waybill {manifest.waybill} wrote "
            "it; install that one or a newer one"
        )


def _expect_same_zone(manifest: Manifest, settings: Settings) -> None:
    if manifest.time_zone != settings.time_zone:
        raise CannotRestoreError(
            f"the archived store had the business time zone {manifest.time_zone}, and WAYBILL_TIME_ZONE is "
            f"{settings.time_zone}: days, months and standing orders would differ; set "
            f"WAYBILL_TIME_ZONE={manifest.time_zone}"
        )


def _expect_files(folder: ArchiveFolder, manifest: Manifest) -> None:
    """Raise CannotRestoreError if a file is missing: better now than after hours."""
    named = manifest.paths
    missing = sorted(named - set(folder.files()))
    if missing:
        raise CannotRestoreError(
            f"the archive {folder.url} lacks {len(missing)} of its {len(named)} files, such as {missing[0]}: take them "
            "from a copy of the archive (waybill archive verify names them all)"
        )


def _topics_seen(manifest: Manifest, settings: Settings) -> TopicsSeen:
    topics = sorted(read_topics(settings.topic_prefix))
    known = {(one.topic, one.partition): PartitionInStore(one.next_offset, one.topic_id) for one in manifest.partitions}
    if not settings.names_kafka:
        unset = "WAYBILL_KAFKA is not set, so nobody looked whether the topics still have what came after the archive"
        return TopicsSeen(problem=unset if known else None)
    if known and not any(topic in topics for topic, _ in known):
        raise CannotRestoreError(
            f"the archived store read topics such as {min(known)[0]}, and WAYBILL_TOPIC_PREFIX "
            f"({settings.topic_prefix!r}) names others: set it as it was"
        )
    # Imported here: without Kafka, its client is not needed.
    from infra.kafka.offsets import partition_bounds

    bounds = partition_bounds(kafka_connection(settings), topics)
    if isinstance(bounds, str):
        reason = f"Kafka at {settings.kafka} was not reached ({bounds})"
        return TopicsSeen(problem=f"{reason}, so nobody looked whether the topics have what came after the archive")
    return TopicsSeen(check_partitions(known, {place: PartitionInKafka(*found) for place, found in bounds.items()}))
