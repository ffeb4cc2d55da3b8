"""Command that restores a store from an archive: restore."""

import sys
from datetime import timedelta
from typing import Annotated

import typer

from domain.counted import counted
from infra.app.restore.plan import RestorePlan, plan_restore
from infra.app.restore.restore import Restored, restore_store
from infra.app.retention import PartitionCheck
from infra.cli.archive_options import folder_of
from infra.cli.arguments import FormatOption
from infra.cli.output import (
    Format,
    errors,
    parts_shown,
    progress_bar,
    readable_instant,
    show_note,
    show_rows,
    show_warning,
)
from infra.cli.tables.importance import PARTITIONS
from infra.settings import Settings, load_settings
from infra.telemetry.logs import configure_logs

NOTHING_BEGUN = "The restore was interrupted before it brought anything: the same command begins it."


def add_commands(app: typer.Typer) -> None:
    app.command()(restore)


def restore(
    source: Annotated[
        str, typer.Option("--from", metavar="DIR", help="The archive: a folder, or a URL such as s3://bucket/waybill.")
    ],
    check: Annotated[
        bool, typer.Option("--check", help="Only look at the archive, the store and the topics; change nothing.")
    ] = False,
    accept_missing: Annotated[
        bool,
        typer.Option("--accept-missing", help="Restore although the topics lack messages that the archive lacks too."),
    ] = False,
    anew: Annotated[
        bool, typer.Option("--anew", help="Give up what an interrupted restore brought, and begin from the start.")
    ] = False,
    no_project: Annotated[
        bool, typer.Option("--no-project", help="Do not fill the views; `waybill project` or `rebuild` does it later.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Restore an archive into an empty store, of either kind; afterwards, the service goes on from the topics.

    No process can use the store until everything is there. If it is interrupted, run it again to continue. Exits with 1
    if the topics no longer have all that came after the archive.
    """
    settings = load_settings()
    configure_logs(settings)
    try:
        with folder_of("--from"):
            plan = plan_restore(settings, source, anew=anew)
    except KeyboardInterrupt:
        errors().print(NOTHING_BEGUN)
        raise
    _tell_skew(plan, settings)
    refused = not plan.topics.is_complete and not accept_missing
    _tell_topics(plan, form, answers=check or refused)
    if refused:
        show_warning(
            "nothing is restored: the topics lack messages that the archive lacks too. If nobody has a newer archive "
            "or backup, restore with --accept-missing, and ask the senders for them"
        )
        raise typer.Exit(1)
    if check:
        _tell_plan(plan, form)
        return
    begun = plan.begun is not None
    with progress_bar() as progress:
        shown = parts_shown(progress)

        def tell(part: str, done: int, total: int) -> None:
            nonlocal begun
            begun = True
            shown(part, done, total)

        def answer(restored: Restored) -> None:
            progress.stop()
            columns = [name for name in Restored._fields if form is Format.JSON or name != "paused"]
            show_rows(columns, [restored._asdict()], form, title="Restored")
            for name, position in restored.paused.items():
                show_warning(_paused(name, position, restored))
            show_note(form, _what_follows(plan, restored))
            sys.stdout.flush()

        try:
            restore_store(settings, plan, anew=anew, project=not no_project, tell=tell, on_restored=answer)
        except KeyboardInterrupt:
            errors().print("The restore was interrupted: the same command continues." if begun else NOTHING_BEGUN)
            raise


def _tell_topics(plan: RestorePlan, form: Format, *, answers: bool) -> None:
    """What the topics have. With JSON and CSV, the answer is what was restored, unless this one `answers`."""
    topics = plan.topics
    if topics.problem is not None:
        show_warning(topics.problem)
    footer = "everything that came after the archive is there"
    nobody = "nobody looked" if topics.problem else "nobody looked: the archived store never read Kafka"
    if not topics.partitions:
        footer = ""
    if topics.missing:
        footer = f"{counted(topics.missing, 'message')} missing"
    elif not topics.is_complete:
        footer = "compare the partitions that are not readable with docs/backup.md"
    if answers or (form is Format.TABLE and topics.partitions):
        rows = [one._asdict() for one in topics.partitions]
        show_rows(
            PartitionCheck._fields, rows, form, title="Topics", footer=footer, empty=nobody, importance=PARTITIONS
        )


def _tell_skew(plan: RestorePlan, settings: Settings) -> None:
    archived = timedelta(seconds=plan.manifest.clock_skew_seconds)
    if archived != settings.clock_skew:
        show_warning(
            f"the archived store had WAYBILL_CLOCK_SKEW={archived.total_seconds():g} (seconds), and it is "
            f"{settings.clock_skew.total_seconds():g} now: answers about messages ahead of the clock may differ"
        )


def _tell_plan(plan: RestorePlan, form: Format) -> None:
    manifest = plan.manifest
    begun = "" if plan.begun is None else "; an interrupted restore would be continued"
    show_note(
        form,
        f"the archive has position {manifest.position:,} of {manifest.store}, written "
        f"{readable_instant(manifest.written_at)} (run {manifest.number}); the store is ready for it{begun}; what is "
        "in its files was not read: waybill archive verify does that",
    )


def _paused(name: str, position: int, restored: Restored) -> str:
    """Where a paused projection stands, and what brings it on."""
    if restored.views_at is None:
        return (
            f"{name} was paused and stays so, and has no rows: waybill project leaves it out, waybill rebuild {name} "
            f"fills it, and waybill resume {name} lets it go on"
        )
    return (
        f"{name} was paused and stays so: it reflects position {position:,} of {restored.position:,}; "
        f"waybill resume {name} lets it go on"
    )


def _what_follows(plan: RestorePlan, restored: Restored) -> str:
    views = "" if restored.views_at is not None else "the views are empty until waybill project or waybill rebuild; "
    sources = "is read from the topics by waybill up, and from files by waybill ingest"
    looked = "" if plan.topics.partitions else "; waybill topics check shows whether Kafka has all that follows"
    return (
        f"{views}keys of the HTTP API are not in an archive: waybill keys create makes new ones; what came after "
        f"{readable_instant(restored.archived_at)} {sources}{looked}"
    )
