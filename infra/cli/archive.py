"""Commands about archives: archive, archive verify."""

from contextlib import nullcontext
from typing import Annotated

import typer

from domain.counted import counted
from infra.app.archive import ArchiveReport, OtherBucketsError, archive_store
from infra.app.archive_verify import VerifiedArchive, verify_archive
from infra.archive.manifest import MANIFEST
from infra.archive.partitions import DEFAULT_BUCKETS, MOST_BUCKETS
from infra.archive.verifying import ArchiveFinding
from infra.cli.archive_options import folder_of
from infra.cli.arguments import FormatOption, open_waybill
from infra.cli.output import AsRecords, Format, parts_shown, progress_bar, show_json, show_note, show_rows, show_warning
from infra.settings import load_settings
from infra.telemetry.logs import configure_logs

archives = typer.Typer(invoke_without_command=True)


def add_commands(app: typer.Typer) -> None:
    app.add_typer(archives, name="archive")


@archives.callback(
    help="Write what is new in the store to an archive of Parquet files, in a folder or an object store."
)
def archive(
    context: typer.Context,
    to: Annotated[
        str | None,
        typer.Option("--to", metavar="DIR", help="The archive: a folder, or a URL such as s3://bucket/waybill."),
    ] = None,
    buckets: Annotated[
        int | None,
        typer.Option(
            "--buckets",
            min=1,
            max=MOST_BUCKETS,
            help="How many parts streams are divided into; only for the first run.",
            show_default=str(DEFAULT_BUCKETS),
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Write what is new in the store to an archive."""
    if context.invoked_subcommand is not None:
        return
    if to is None:
        raise typer.BadParameter("name the archive, such as --to /backups/waybill", param_hint="--to")
    with open_waybill() as waybill, progress_bar() as progress:
        try:
            with folder_of("--to"):
                report = archive_store(waybill, to, buckets, parts_shown(progress))
        except OtherBucketsError as e:
            raise typer.BadParameter(str(e), param_hint="--buckets") from None
    show_rows(ArchiveReport._fields, [report._asdict()], form)
    if not report.files:
        show_note(form, "no rows are new since the last run")
    elif report.run == 1:
        show_note(form, f"{report.archive} had no archive: this run began a new one")


@archives.command("verify")
def verify(
    archive: Annotated[str, typer.Argument(metavar="DIR", help="The archive: a folder, or a URL.")],
    against_store: Annotated[
        bool, typer.Option("--against-store", help="Compare its events with those of the store (WAYBILL_STORE), too.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Read a whole archive and check it: hashes, rows, positions, streams and books. Exits with 1 if any is wrong."""
    configure_logs(load_settings())
    store = open_waybill() if against_store else nullcontext()
    with store as waybill, progress_bar() as progress, folder_of("DIR"):
        verified = verify_archive(archive, parts_shown(progress), waybill)
    findings = [finding._asdict() for finding in verified.findings]
    if form is Format.JSON:
        show_json({**verified._asdict(), "findings": findings})
    else:
        show_rows(
            ArchiveFinding._fields,
            findings,
            form,
            title="Findings",
            footer=_checked(verified),
            empty="the archive is sound",
            records=AsRecords.IF_NOT_WHOLE,
        )
    if not verified.manifest_has_hash:
        show_warning(
            f"{MANIFEST} has no hash of itself, because an earlier waybill wrote it, so a change in it may pass "
            f"unseen: the next waybill archive --to {verified.archive} writes one"
        )
    if findings:
        raise typer.Exit(1)


def _checked(verified: VerifiedArchive) -> str:
    events = f"{counted(verified.events, 'event')} up to position {verified.position:,}"
    beside = (
        "" if verified.compared_events is None else f"; {verified.compared_events:,} of them compared with the store"
    )
    return f"read {counted(verified.files, 'file')} with {counted(verified.rows, 'row')}; {events}{beside}"
