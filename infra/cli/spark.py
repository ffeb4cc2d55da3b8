"""Commands that read an archive on Apache Spark: spark rebuild and spark ask."""

from shlex import quote
from typing import Annotated

import typer

from domain.counted import counted
from infra.app.spark_rebuild import (
    RowsMade,
    TooManyFailedError,
    expect_own_rows,
    spark_rebuild,
)
from infra.archive.folder import ArchiveFolder, ArchiveRunsError
from infra.archive.manifest import NewerArchiveError
from infra.cli import FAILED
from infra.cli.archive_options import expect_archive, folder_of
from infra.cli.arguments import FormatOption
from infra.cli.output import Format, errors, progress_bar, show_error, show_note, show_rows, show_warning
from infra.cli.spark_ask import ask
from infra.cli.spark_options import ArchiveOption, ConfOption, MasterOption, PartitionsOption, options_of, stages_shown
from infra.export.arrow_schema import MissingPackageError
from infra.settings import load_settings
from infra.spark.archived_events import spark_path
from infra.spark.session import SparkFailedError, SparkUnavailableError
from infra.telemetry.logs import configure_logs

FAILED_SHOWN = 20
SPARK_FAILURES = (
    ArchiveRunsError,
    MissingPackageError,
    NewerArchiveError,
    SparkFailedError,
    SparkUnavailableError,
    TooManyFailedError,
)
"""What no other options would mend, with a message that says what is missing or failed."""

spark = typer.Typer(
    help="An archive on Apache Spark: the rows of all views, and answers over all history.", no_args_is_help=True
)


def add_commands(app: typer.Typer) -> None:
    app.add_typer(spark, name="spark")


spark.command()(ask)


@spark.command()
def rebuild(
    archive: ArchiveOption,
    to: Annotated[
        str,
        typer.Option(
            "--to", metavar="DIR", help="The folder of the rows, or its URL; `waybill rebuild --from` loads it."
        ),
    ],
    master: MasterOption = None,
    partitions: PartitionsOption = None,
    conf: ConfOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Compute the rows of every view from an archive's events, as `waybill rebuild --all` does from a store's.

    The rows of an earlier run are replaced when the new ones are whole. A subject that fails is left out and named, and
    then the exit code is 1.
    """
    configure_logs(load_settings())
    options = options_of(conf)
    with folder_of("--archive"):
        spark_path(archive)
        expect_archive(archive, "--archive")
    with folder_of("--to"):
        spark_path(to)
        expect_own_rows(ArchiveFolder(to))
    with progress_bar() as shown:
        try:
            made = spark_rebuild(
                archive, to, master=master, options=options, partitions=partitions, tell=stages_shown(shown)
            )
        except KeyboardInterrupt:
            errors().print("Spark was interrupted: the rows of an earlier run stay, and the same command begins anew.")
            raise
        except SPARK_FAILURES as e:
            show_error(str(e))
            raise typer.Exit(FAILED) from e
    _show(made, form, to)
    if made.manifest.failed:
        raise typer.Exit(FAILED)


def _show(made: RowsMade, form: Format, to: str) -> None:
    rows = [
        {
            "projection": projection.name,
            "version": projection.version,
            "table": table.table,
            "kind": table.kind,
            "rows": table.rows,
            "files": len(table.files),
        }
        for projection in made.manifest.projections
        for table in projection.tables
    ]
    show_rows(("projection", "version", "table", "kind", "rows", "files"), rows, form, title="Rows")
    rate = made.events / made.seconds if made.seconds else 0
    # A rebuild refuses rows that lack streams.
    loads = "" if made.manifest.failed else f"; to load them into a store: waybill rebuild --all --from {quote(to)}"
    show_note(
        form,
        f"of {counted(made.events, 'event')} in {counted(made.streams, 'stream')}, {rate:,.0f} events/s; "
        f"reflects position {made.manifest.position}{loads}",
    )
    for failed in made.manifest.failed[:FAILED_SHOWN]:
        at = "" if failed.position is None else f", position {failed.position}"
        show_warning(f"{failed.projection or 'every projection'}: {failed.stream}{at}: {failed.reason}")
    if len(made.manifest.failed) > FAILED_SHOWN:
        show_warning(f"and {len(made.manifest.failed) - FAILED_SHOWN} more, in rows.json")
