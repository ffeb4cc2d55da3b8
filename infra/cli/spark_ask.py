"""The command that asks an archive a question on Apache Spark: spark ask."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from domain.nearest import did_you_mean
from infra.app.container import system_clock
from infra.app.spark_ask import ArchiveAnswer, ArchiveToAsk, archive_to_ask, spark_ask
from infra.archive.manifest import NewerArchiveError
from infra.cli import FAILED, completion
from infra.cli.archive_options import folder_of
from infra.cli.arguments import FormatOption, LimitOption, only_of
from infra.cli.column_options import ColumnsOption, WideOption, read_choice
from infra.cli.output import Format, progress_bar, readable_instant, show_error, show_note, show_warning
from infra.cli.spark_options import ArchiveOption, ConfOption, MasterOption, PartitionsOption, options_of, stages_shown
from infra.cli.view_answers import ByOption, ContactsOption, MonthOption, scorecard_asked, show_answer
from infra.export.arrow_schema import MissingPackageError
from infra.instants import WrongInstantError, instant_of
from infra.queries.views import Asked
from infra.settings import load_settings
from infra.spark.archived_events import spark_path
from infra.spark.session import SparkFailedError, SparkUnavailableError
from infra.telemetry.logs import configure_logs
from projections.views.catalogue import VIEWS, View, view_named
from projections.views.scorecard_totals import Grouping
from projections.views.variants import workload_view

FAILED_SHOWN = 20

AsOfText = Annotated[
    str | None, typer.Option("--as-of", metavar="T", help="What was true at T, however late it was reported.")
]
KnownAtText = Annotated[
    str | None, typer.Option("--known-at", metavar="K", help="Count only what the service knew at K.")
]
RepOption = Annotated[str | None, typer.Option("--rep", help="Only rows of this rep.")]


def ask(
    view: Annotated[
        str, typer.Argument(metavar="VIEW", help="A view, such as overdue.", autocompletion=completion.views)
    ],
    archive: ArchiveOption,
    as_of: AsOfText = None,
    known_at: KnownAtText = None,
    rep: RepOption = None,
    month: MonthOption = None,
    by: ByOption = None,
    contacts: ContactsOption = False,
    limit: LimitOption = None,
    columns: ColumnsOption = None,
    wide: WideOption = False,
    master: MasterOption = None,
    partitions: PartitionsOption = None,
    conf: ConfOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Answer a view from an archive, as the command of that view does from a store: by both clocks, over all history.

    The time zone and the clock skew are those of the archive. --month and --by are for the scorecard, --contacts for it
    and the workload. Subjects that fail are left out and named.
    """
    named, only = _asked_view(view, rep, month, by, contacts=contacts)
    choice = read_choice(columns, wide, named.columns)
    configure_logs(load_settings())
    options = options_of(conf)
    try:
        with folder_of("--archive"):
            spark_path(archive)
            asking = archive_to_ask(archive)
    except NewerArchiveError as e:
        show_error(str(e))
        raise typer.Exit(FAILED) from e
    asked = Asked(_instant(as_of, asking, "--as-of"), _instant(known_at, asking, "--known-at"))
    with progress_bar() as shown:
        try:
            told = spark_ask(
                asking,
                named,
                asked,
                only,
                limit,
                clock=system_clock,
                master=master,
                options=options,
                partitions=partitions,
                tell=stages_shown(shown),
            )
        except (MissingPackageError, SparkFailedError, SparkUnavailableError) as e:
            show_error(str(e))
            raise typer.Exit(FAILED) from e
    show_answer(named, asked, told.answer, form, choice, empty="none")
    _show_archive(asking, form)
    _show_failed(told)


def _asked_view(
    name: str, rep: str | None, month: str | None, by: Grouping | None, *, contacts: bool
) -> tuple[View, Mapping[str, str] | None]:
    """The view with these options, and its filters. Raises BadParameter."""
    try:
        view = view_named(name)
    except KeyError:
        known = [view.command for view in VIEWS]
        nearest = did_you_mean(name, [*known, *(view.relation for view in VIEWS)])
        raise typer.BadParameter(f"{name} is not one of {', '.join(known)}{nearest}", param_hint="VIEW") from None
    if view.command == "scorecard":
        return scorecard_asked(month, by, rep, contacts=contacts)
    for option, given in (("--month", month is not None), ("--by", by is not None)):
        if given:
            raise typer.BadParameter(f"{view.command} has no {option}: it is for scorecard", param_hint=option)
    if view.command == "workload":
        view = workload_view(contacts=contacts)
    elif contacts:
        raise typer.BadParameter(
            f"{view.command} has no --contacts: it is for workload and scorecard", param_hint="--contacts"
        )
    return view, only_of(view, rep)


def _instant(text: str | None, archive: ArchiveToAsk, option: str) -> datetime | None:
    """An instant; a date begins in the archive's time zone. Raises BadParameter."""
    if text is None:
        return None
    try:
        return instant_of(text, ZoneInfo(archive.manifest.time_zone))
    except WrongInstantError as e:
        raise typer.BadParameter(str(e), param_hint=option) from None


def _show_archive(archive: ArchiveToAsk, form: Format) -> None:
    """Say which archive answered, and which settings of this environment differ from its own."""
    manifest, settings = archive.manifest, load_settings()
    show_note(
        form,
        f"archive of {manifest.store}: run {manifest.number} of {readable_instant(manifest.written_at)}, "
        f"position {manifest.position}",
    )
    given = settings.model_fields_set
    if "time_zone" in given and settings.time_zone != manifest.time_zone:
        show_note(
            form, f"months and dates are those of {manifest.time_zone}, the archive's, not of {settings.time_zone}"
        )
    skew = settings.clock_skew.total_seconds()
    if "clock_skew" in given and skew != manifest.clock_skew_seconds:
        show_note(form, f"the clock skew is {manifest.clock_skew_seconds:g} s, the archive's, not {skew:g} s")


def _show_failed(told: ArchiveAnswer) -> None:
    for failed in told.failed[:FAILED_SHOWN]:
        show_warning(f"{failed.stream} is left out: {failed.reason}")
    if len(told.failed) > FAILED_SHOWN:
        show_warning(f"and {len(told.failed) - FAILED_SHOWN} more")
