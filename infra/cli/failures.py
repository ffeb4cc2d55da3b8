"""What a command says of a failure, and its exit code.

Imported only when a command fails, because it needs classes from everywhere.
"""

from pathlib import Path
from typing import NamedTuple

from eventsourcing.persistence import MapperDeserialisationError

from consumers.reactors.reacting import ReactionFailedError
from consumers.sinks.sink import MissingTopicsError, NotReachedError
from consumers.sources.json_lines import UnreadableSourceError
from domain.checkpoint import CheckpointMovedError
from domain.pruning import PrunedStreamError
from infra.app.archive import OtherZoneError
from infra.app.backup import DamagedBackupError
from infra.app.container import system_clock
from infra.app.diff import ShapeFailsError
from infra.app.export import ForeignFilesError
from infra.app.keys import NeedsKeysError
from infra.app.known_names import UnknownNameError
from infra.app.nearby_stores import where_the_store_may_be
from infra.app.prune.errors import CannotPruneError, CannotUndoError
from infra.app.rebuild.errors import (
    NewerServesError,
    RebuildRunsError,
    RebuildStoppedError,
    UnfitRowsError,
    UnknownKeyError,
)
from infra.app.reset import UnexpectedPositionError
from infra.app.restore.errors import CannotRestoreError
from infra.archive.folder import ArchiveRunsError
from infra.archive.manifest import DamagedManifestError, NewerArchiveError, NoArchiveError
from infra.archive.reading import DamagedFileError
from infra.archive.rows_folder import DamagedRowsManifestError, NoRowsError
from infra.archive.rows_reading import DamagedRowsError
from infra.archive.store_standing import OtherHistoryError
from infra.cli import FAILED, WRONG_USAGE
from infra.cli.answer_footer import footer_text
from infra.export.formats import TooLongAmountError
from infra.queries.in_processes import QuestionStoppedError
from infra.queries.views import NotYetReflectedError
from infra.runtime.relay_beginning import CannotBeginError
from infra.settings import WrongSettingsError, load_settings
from infra.signals.server import AddressTakenError
from infra.sql_views.relations import NotAllowedError
from infra.store.business_months import NoBusinessMonthsError
from infra.store.events.codec import UnreadableEventError
from infra.store.failures import failure_of, reason_of
from infra.store.missing_table import missing_projection
from infra.store.opening import NoStoreError, SharedSessionsError, StoreChangedError, StoreVersionError
from infra.store.projected.earlier_builds import NothingToGoBackToError
from infra.store.projected.serving import NotFilledError
from infra.store.projected.unreadable import UnreadableRowError
from infra.store.pruned import PrunedOrdersError
from infra.store.pruned_commands import brought_back_by
from infra.store.retries import is_wrong_sql, passes, store_failures
from infra.store.sqlite.file_ownership import NotAStoreError
from infra.telemetry.tracing import TracingError
from infra.version import waybill_version
from projections.catalogue import every_projection
from projections.views.columns import UnreadableValueError

# Failures whose message says what is wrong and what to do.
FAILURES = (
    AddressTakenError,
    ArchiveRunsError,
    CannotBeginError,
    CannotPruneError,
    CannotUndoError,
    CannotRestoreError,
    MissingTopicsError,
    NeedsKeysError,
    NewerArchiveError,
    NewerServesError,
    NoArchiveError,
    NoRowsError,
    NoBusinessMonthsError,
    NotAllowedError,
    NotAStoreError,
    NotFilledError,
    NotReachedError,
    NothingToGoBackToError,
    OtherHistoryError,
    OtherZoneError,
    RebuildRunsError,
    QuestionStoppedError,
    RebuildStoppedError,
    UnfitRowsError,
    UnknownKeyError,
    CheckpointMovedError,
    PrunedOrdersError,
    DamagedBackupError,
    DamagedFileError,
    DamagedManifestError,
    DamagedRowsError,
    DamagedRowsManifestError,
    ForeignFilesError,
    ReactionFailedError,
    ShapeFailsError,
    SharedSessionsError,
    StoreChangedError,
    StoreVersionError,
    TooLongAmountError,
    UnexpectedPositionError,
    TracingError,
    UnreadableRowError,
    UnreadableSourceError,
)


class Told(NamedTuple):
    """What standard error shows of a failure: an error, perhaps a note below it, and the exit code."""

    error: str
    code: int
    note: str = ""


def told(error: Exception) -> Told | None:
    """What to tell of this failure. None if it is a fault of the code."""
    match error:
        case WrongSettingsError():
            return Told(str(error), WRONG_USAGE)
        case NotYetReflectedError():
            return Told(f"{error} See also --wait", FAILED)
        case NoStoreError():
            return Told(f"{error}.{where_the_store_may_be(load_settings(), Path.cwd())}", FAILED)
        case PrunedStreamError():
            return Told(brought_back_by(error), FAILED)
        case UnknownNameError():
            return Told(str(error), FAILED, note=footer_text(error.standing, system_clock()))
        case _ if isinstance(error, FAILURES):
            return Told(str(error), FAILED)
        case UnreadableValueError():
            return Told(f"{error}. Was it changed by hand? waybill diff all names the row", FAILED)
        case UnreadableEventError() | MapperDeserialisationError():
            return Told(f"{error}. Was it stored by a newer version, or changed by hand?", FAILED)
        case _ if isinstance(error, store_failures()):
            return Told(f"{_store_failed(error)} Nothing was half done.", FAILED)
        case UnicodeDecodeError():
            failure = failure_of(error)
            return (
                None if failure is None else Told(f"{failure.value}. {failure.remedy} Nothing was half done.", FAILED)
            )
        case OSError():
            return Told(_file_failed(error), FAILED)
        case _:
            return None


def _store_failed(error: BaseException) -> str:
    failed = f"the store failed: {reason_of(error)}."
    failure = failure_of(error)
    if failure is not None:
        return f"{failed} {failure.remedy}"
    if is_wrong_sql(error):
        return f"{failed} This is a fault of waybill {waybill_version()}, and not of the store."
    if "unable to open database file" in failed or "readonly database" in failed:
        return f"{failed} A command that changes a store needs write access to its file and its folder."
    if (name := missing_projection(error, every_projection())) is not None:
        return f"{failed} It is a table of {name}: waybill rebuild {name} fills it again, and waybill verify checks it."
    if not passes(error):
        return f"{failed} Is WAYBILL_STORE right?"
    return (
        f"{failed} Such a failure is usually temporary, but this one lasted longer than WAYBILL_RETRY_SECONDS, or "
        f"the command does "
        "not wait: check whether the store can be reached, and what else uses it, then run the same command again."
    )


def _file_failed(error: OSError) -> str:
    failed = f"{error.strerror}: {error.filename}" if error.filename else str(error)
    failure = failure_of(error)
    return failed if failure is None else f"{failure.value} ({failed}). {failure.remedy}"
