"""Commands about the store: status, verify, migrate."""

import re
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.progress import TaskID

from domain.counted import counted
from domain.rules_version import RULES_VERSION
from infra.app.backup import Backup, NoFileStoreError, back_up
from infra.app.migrate import fill_views, migrate_store
from infra.app.parked import ParkedKey
from infra.app.reactor_lag import reactors_behind
from infra.app.rebuild.standing import RebuildStanding
from infra.app.selected_streams import Selection
from infra.app.status import PartitionStatus, ProjectionStatus, ReactorStatus, Status, read_status
from infra.app.verify import Finding, verify_store
from infra.cli.answer_footer import AnswerFooter, answer_footer
from infra.cli.arguments import FormatOption, open_waybill, read_instant
from infra.cli.output import AsRecords, Format, console, progress_bar, show_json, show_note, show_rows, show_warning
from infra.cli.pruning import pruned_words
from infra.cli.tables.importance import PARKED, PARTITIONS
from infra.queries.books import Books, UnreadableBatch
from infra.settings import load_settings
from infra.store.checkpoints import KeptLeftOut
from infra.store.engine import while_unchanged
from infra.store.newest_version import NEWEST
from infra.store.pauses import Pause
from infra.telemetry.logs import configure_logs
from infra.version import waybill_version

_WORK = {"subjects": "settling every subject again", "malformed": "reading malformed messages again"}


def add_commands(app: typer.Typer) -> None:
    app.command()(status)
    app.command()(verify)
    app.command()(migrate)
    app.command()(backup)


def status(form: FormatOption = Format.TABLE) -> None:
    """Show the books, and the position and lag of each projection, reactor and partition."""
    with open_waybill() as waybill:
        found, store = while_unchanged(lambda: (read_status(waybill, ask_kafka=True), answer_footer(waybill)))
    if found.kafka_problem is not None:
        show_warning(found.kafka_problem)
    if form is Format.JSON:
        show_json(found.document())
        show_note(form, _answered_by(store))
        return
    show_rows(Books._fields, [found.books._asdict()], form, title="Books", footer=_dead(found))
    # In nearly every store each projection has one version, and it serves.
    one_version = form is Format.TABLE and all(projection.serves for projection in found.projections)
    show_rows(
        [name for name in ProjectionStatus._fields if name != "serves" or not one_version],
        [projection._asdict() for projection in found.projections],
        form,
        title="\nProjections",
        footer=f"the newest event is at position {found.head}",
    )
    if found.paused:
        paused = [each._asdict() for each in found.paused]
        show_rows(Pause._fields, paused, form, title="\nPaused", footer="to let one go on: waybill resume NAME")
    if found.parked:
        parked = [each._asdict() for each in found.parked]
        footer = "these failed and are left as they were; after the cause is fixed: waybill parked retry"
        show_rows(ParkedKey._fields, parked, form, title="\nParked", footer=footer, importance=PARKED)
    if found.rebuilds:
        rebuilds = [each._asdict() for each in found.rebuilds]
        footer = "begun and not in use yet; if none runs, the same command continues: waybill rebuild NAME"
        show_rows(RebuildStanding._fields, rebuilds, form, title="\nRebuilds", footer=footer)
    if found.reactors or form is Format.CSV:
        reactors = [reactor._asdict() for reactor in found.reactors]
        show_rows(ReactorStatus._fields, reactors, form, title="\nReactors")
    if found.partitions or form is Format.CSV:
        partitions = [partition._asdict() for partition in found.partitions]
        show_rows(PartitionStatus._fields, partitions, form, title="\nPartitions", importance=PARTITIONS)
    if found.unreadable:
        batches = [batch._asdict() for batch in found.unreadable]
        footer = "these partitions are stuck; to skip a batch: waybill topics skip"
        show_rows(UnreadableBatch._fields, batches, form, title="\nBatches that cannot be read", footer=footer)
    if found.left_out_count:
        left_out = [record._asdict() for record in found.left_out]
        footer = f"{found.left_out_count} in all, too large for their topics; the newest are listed"
        show_rows(KeptLeftOut._fields, left_out, form, title="\nLeft out by the relay", footer=footer)
    if found.pruned.orders:
        show_note(form, pruned_words(found.pruned))
    show_note(form, _answered_by(store))


def _answered_by(store: AnswerFooter) -> str:
    return f"{store.line}; answered by waybill {waybill_version()}"


def _dead(found: Status) -> str:
    """How many dead letters there are, how many are set aside, and the command that lists them."""
    dead, aside = found.books.dead, found.set_aside
    if not dead:
        return ""
    every = " --all" if aside.total == dead else ""
    if not aside.total:
        return f"{dead} dead: waybill dead-letters list"
    superseded = f", {aside.superseded} superseded" if aside.superseded else ""
    set_aside = f"{aside.total} of them set aside ({aside.voided} voided, {aside.discarded} discarded{superseded})"
    return f"{dead} dead, {set_aside}: waybill dead-letters list{every}"


SAMPLE_FORM = re.compile(r"0*\.\d+|0*[1-9]\d*|1\.0*")


def read_sample(text: str | float) -> float | int:
    """A share of the streams, such as 0.05, or a number of them, such as 1000."""
    if not isinstance(text, str):
        return text
    if not SAMPLE_FORM.fullmatch(text) or not float(text):
        raise typer.BadParameter(
            f"{text!r} is neither a share of the streams, such as 0.05, nor a number, such as 1000"
        )
    return float(text) if "." in text else int(text)


def verify(
    sample: Annotated[
        Any,
        typer.Option(
            "--sample", parser=read_sample, metavar="SHARE|N", help="Only a share (0.05) or a number (1000) of streams."
        ),
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Another seed selects other streams for --sample.")] = 0,
    since: Annotated[
        datetime | None,
        typer.Option(
            "--since", parser=read_instant, metavar="T", help="Only streams with an event recorded at T or later."
        ),
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Derive verdicts, rows, totals and books again and compare them with the store. Exits with 1 if any differs.

    It may run beside writers: everything is read at one moment, and rows are compared at their view's own position.
    """
    share, count = (sample, None) if isinstance(sample, float) else (None, sample)
    selection = Selection(share, count, seed, since)
    with open_waybill() as waybill, progress_bar() as progress:
        task = progress.add_task("settling every subject again", total=None)
        verified = verify_store(waybill, lambda: progress.update(task, advance=1), selection)
        behind = reactors_behind(waybill)
        paused = waybill.pauses()
        store = answer_footer(waybill, tells_views=False)
    findings = [finding._asdict() for finding in verified.findings]
    if form is Format.JSON:
        show_json({**verified._asdict(), "findings": findings})
    else:
        checked = ", ".join(f"{count:,} {what}" for what, count in verified.checked.items())
        footer = f"checked {checked} at position {verified.position:,}"
        show_rows(
            Finding._fields,
            findings,
            form,
            title="Findings",
            footer=footer,
            empty="no discrepancies",
            records=AsRecords.IF_NOT_WHOLE,
        )
    show_note(form, store.line)
    for left_out in verified.not_compared:
        show_warning(f"not compared: {left_out}")
    catching_up = {name: events for name, events in verified.behind.items() if name not in paused}
    if catching_up:
        show_warning(
            f"{', '.join(catching_up)} {'is' if len(catching_up) == 1 else 'are'} up to "
            f"{counted(max(catching_up.values()), 'event')} behind, and compared as of there; to bring them up: "
            "waybill project --once"
        )
    if behind is not None:
        show_warning(f"derived messages are not compared: {behind}; run waybill react --once")
    if findings:
        raise typer.Exit(1)


def backup(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The new file; an existing one is not overwritten.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Copy an SQLite store while it runs, and check the copy. PostgreSQL has its own tools (docs/backup.md).

    Restore it by setting WAYBILL_STORE to the copy; then run waybill topics check before you start the service.
    """
    settings = load_settings()
    configure_logs(settings)
    with progress_bar() as progress:
        task = progress.add_task("copying the store", total=None)
        try:
            made = back_up(settings, file, lambda done, total: progress.update(task, completed=done, total=total))
        except NoFileStoreError as e:
            raise typer.BadParameter(str(e)) from e
    show_rows(Backup._fields, [made._asdict()], form)
    if made.pruned_orders:
        show_note(
            form, f"{counted(made.pruned_orders, 'order')} of it have their events in an archive alone: keep that too"
        )


def migrate(
    no_project: Annotated[
        bool, typer.Option("--no-project", help="Do not rebuild changed views; `waybill rebuild` does it later.")
    ] = False,
) -> None:
    """Bring the store up to the version of this waybill: schema, verdicts and views.

    Stop all writers first; readers can keep working. If it is interrupted, run it again to continue.
    """
    settings = load_settings()
    configure_logs(settings)
    with progress_bar() as progress:
        tasks: dict[str, TaskID] = {}

        def advance(what: str, done: int, total: int | None) -> None:
            if what not in tasks:
                tasks[what] = progress.add_task(what, total=total)
            progress.update(tasks[what], completed=done, total=total)

        migrated = migrate_store(settings, lambda told: advance(_WORK[told.part], told.done, told.total))
        if not no_project:
            fill_views(
                settings,
                on_step=lambda step, head: advance("filling the views", step.end, head),
                on_rebuild=lambda told: advance(told.part, told.done, told.total),
            )
    before, changed, taken = migrated
    if changed or taken:
        have = "has" if changed == 1 else "have"
        judged = f"{counted(changed, 'message')} {have} another verdict by rules of version {RULES_VERSION}"
        fit = "that was malformed fits" if taken == 1 else "that were malformed fit"
        console().print(f"{judged}, and {taken:,} {fit} the contract by now")
    if before != NEWEST:
        console().print(f"the store has version {NEWEST} now; it {f'had version {before}' if before else 'was empty'}")
    elif not changed and not taken:
        console().print(f"the store has version {NEWEST} already; nothing to do")
