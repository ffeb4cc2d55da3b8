"""Command that shows Waybill at work: demo."""

import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import fill
from typing import Annotated, Any

import typer
from rich.markup import escape

from domain.counted import counted
from infra.app.container import Waybill, system_clock
from infra.app.demo import (
    DemoMessage,
    ingest_floor,
    ingest_message,
    order_told_backwards,
    overdue_on_its_way,
    wait_for_a_whole_second,
    write_floor,
)
from infra.app.status import read_status
from infra.cli import pager
from infra.cli.order_screen import timeline_lines
from infra.cli.output import (
    AsRecords,
    Format,
    console,
    errors,
    readable_instant,
    show_counts,
    show_lines,
    show_note,
    show_rows,
)
from infra.cli.processes import PARTS_WITHOUT_KAFKA, run_together
from infra.cli.signals import stopped_by_signals
from infra.cli.tables.columns import NO_CHOICE
from infra.cli.tables.importance import VIEW_COLUMNS
from infra.cli.tables.layout import Laid, Room, laid_out
from infra.masking import masked_value
from infra.queries.views import Asked
from infra.settings import Settings, load_settings
from infra.signals.process import signals_of
from infra.signals.server import AddressTakenError
from infra.telemetry.logs import configure_logs
from projections.views.catalogue import view_named

LOOPBACK = "127.0.0.1"
STORE_FILE = "demo.db"
FLOOR_FILE = "floor.jsonl"
ROWS_SHOWN = 3
TEXT_WIDTH = 78

VIEWS_SHOWN = ("overdue", "at-risk", "workload", "late", "follow-ups")
ROOM = Room(80, 24)
"""What its tables fit, on any terminal and in a file."""
PRESENT = Asked()


def add_commands(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    orders: Annotated[int, typer.Option("--orders", min=1, help="The number of simulated orders.")] = 3_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed gives another history.")] = 1,
    store_folder: Annotated[
        Path,
        typer.Option(
            "--store-folder", metavar="FOLDER", help="The folder of the demo's own store, which is new each time."
        ),
    ] = Path(".local/demo"),
    serve: Annotated[
        bool | None,
        typer.Option("--serve/--no-serve", help="End by serving the pages, until Ctrl-C (default: on a terminal)."),
    ] = None,
) -> None:
    """Simulate a sales team, ingest its messages, show the views, and serve the pages."""
    pager.switch_off()
    settings = load_settings()
    settings = settings.model_copy(
        update={
            "store": f"sqlite:///{_new_store(store_folder)}",
            "log_level": "error" if settings.log_level == "auto" else settings.log_level,
        }
    )
    configure_logs(settings)
    with Waybill(settings) as waybill:
        demonstration = Demonstration(waybill, store_folder / FLOOR_FILE)
        demonstration.show_the_floor(orders, seed)
        demonstration.show_the_views()
        demonstration.tell_an_order_backwards()
        demonstration.hear_of_a_delivery_late()
    if serve or (serve is None and sys.stdin.isatty() and sys.stdout.isatty()):
        _serve(settings)


def _serve(settings: Settings) -> None:
    """Serve the pages on the demo's store until stopped. Where the usual port is taken, it takes a free one."""
    # Imported here: the rest does not need the web.
    from infra.web.server import address_of, listening

    stop = stopped_by_signals()
    port = settings.serve.rpartition(":")[2]
    try:
        listener = listening(f"{LOOPBACK}:{port}")
    except AddressTakenError:
        listener = listening(f"{LOOPBACK}:0")
    parts = PARTS_WITHOUT_KAFKA
    with (
        listener,
        signals_of(parts, settings, system_clock, "") as signals,
        Waybill(settings, meter=signals.meter) as waybill,
    ):
        _blank()
        _headline("The pages")
        _print(f"Open {address_of(listener)} in a browser. Ctrl-C ends it.")
        sys.stdout.flush()
        run_together(parts, waybill, signals, listener, stop)


def _new_store(folder: Path) -> Path:
    """The path of a new store. Only files of an earlier demo are removed from the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FLOOR_FILE, *(STORE_FILE + suffix for suffix in ("", "-journal", "-shm", "-wal"))):
        (folder / name).unlink(missing_ok=True)
    return folder / STORE_FILE


class Demonstration:
    """One run on a new store. `floor` is the file for the simulated messages."""

    def __init__(self, waybill: Waybill, floor: Path):
        self._waybill = waybill
        self._floor = floor

    def show_the_floor(self, orders: int, seed: int) -> None:
        _headline("Three months of messages")
        _print(
            "Simulated messages of order entry, CRM, warehouse, HR and couriers: some come late, some come before "
            "what they name, some come twice, and one in a hundred is wrong."
        )
        sys.stdout.flush()
        written = write_floor(self._floor, orders, seed, self._waybill.clock().replace(microsecond=0))
        errors().print(
            f"[dim]{counted(written, 'message')} of {counted(orders, 'order')} in {escape(str(self._floor))}[/dim]"
        )
        with _busy("ingesting the messages"):
            report = ingest_floor(self._waybill, self._floor)
        show_counts(report.counts, report.untaken, Format.TABLE)
        _blank()
        books = read_status(self._waybill).books
        equation = "received = applied + duplicate + held + dead, those that reactors state included"
        show_rows(books._fields, [books._asdict()], Format.TABLE, title="The books", footer=equation)
        _blank()
        dead = [letter._asdict() for letter in self._waybill.dead_letters.dead(self._waybill.clock())]
        columns = ("verdict", "subject", "reason")
        _show_some("Some messages that were not taken", "dead-letters list", columns, dead, columns)
        if aside := self._waybill.dead_letters.set_aside(self._waybill.clock()):
            show_note(Format.TABLE, f"the other {aside:,} dead ones are set aside: voided, discarded or superseded")
            _blank()

    def show_the_views(self) -> None:
        _headline("Views")
        for verb in VIEWS_SHOWN:
            view = view_named(verb)
            _show_some(view.description, verb, view.columns, self._ask(verb), VIEW_COLUMNS[view.relation])

    def tell_an_order_backwards(self) -> None:
        _headline("Messages in reverse order")
        story = order_told_backwards(self._waybill.clock().replace(microsecond=0))

        _print(f"A courier reports a dispatch for {story.dispatch.subject}. No message has placed that order yet:")
        self._publish(story.dispatch)
        self._show_message(story.dispatch)

        _print("Order entry was down. Now it sends the booking and then the order:")
        self._publish(story.booking)
        self._publish(story.placing)
        self._show_message(story.dispatch)
        _print("The courier's message is applied. In the right order, the three messages would give the same result.")
        _blank()

    def hear_of_a_delivery_late(self) -> None:
        _headline("A late delivery report")
        order = overdue_on_its_way(self._waybill)
        _print(f"{order.order_id} is on its way and its promise has passed:")
        self._show_overdue(order.order_id)
        known_at = wait_for_a_whole_second(self._waybill)

        _print("Now the driver's scan arrives. The goods were delivered before the promise:")
        delivered = order.delivered_early()
        self._publish(delivered)
        self._show_overdue(order.order_id)
        _print("The order was on time. The timeline is in the order of events; positions show the order of arrival:")
        self._show_timeline(order.order_id)

        as_of = order.promised_by + timedelta(hours=1)
        _print(
            f"Was it overdue an hour after the promise, at {readable_instant(as_of)}? "
            "What was true then (--as-of), by everything known now:"
        )
        self._show_overdue(order.order_id, Asked(as_of))
        _print("The same, by what was known before the scan arrived (--as-of and --known-at):")
        self._show_overdue(order.order_id, Asked(as_of, known_at))
        self._show_what_to_try(delivered, as_of, known_at)

    def _show_what_to_try(self, delivered: DemoMessage, as_of: datetime, known_at: datetime) -> None:
        _headline("What to try next")
        message = f"{delivered.source} {delivered.id}"
        commands = [
            f"export WAYBILL_STORE={shlex.quote(masked_value(self._waybill.settings.store))}",
            "waybill workload",
            "waybill overdue --rep rep-1",
            f"waybill order {delivered.subject}",
            f"waybill overdue --as-of {_rfc3339(as_of)}",
            f"waybill overdue --as-of {_rfc3339(as_of)} --known-at {_rfc3339(known_at)}",
            f"waybill message {message}",
            f'waybill void {message} --reason "another door"',
            f"waybill ingest {self._floor}  # again: all duplicates, nothing changes",
            "waybill held list --limit 5",
            "waybill status",
            "waybill verify",
            "waybill up --without-kafka  # the pages, in a browser",
        ]
        command = Path(sys.argv[0]).absolute()
        if command.name == "waybill" and command.is_relative_to(Path.cwd()):
            commands.insert(0, f'export PATH="$PWD/{command.parent.relative_to(Path.cwd())}:$PATH"')
        for line in commands:
            console().print(line, markup=False, soft_wrap=True)

    # -- publishing, asking, showing -------------------------------------------------------------

    def _publish(self, message: DemoMessage) -> None:
        ingest_message(self._waybill, message)
        time = readable_instant(message.time)
        console().print(f"  [cyan]{message.type}[/cyan] from {message.source}, time {time}", soft_wrap=True)

    def _ask(self, verb: str, asked: Asked = PRESENT) -> Sequence[Mapping[str, Any]]:
        return self._waybill.views.ask(view_named(verb), asked).rows

    def _show_message(self, message: DemoMessage) -> None:
        columns = ("id", "before", "verdict", "took_effect_at", "reason")
        rows = [
            {**report._asdict(), "before": ", ".join(earlier.verdict for earlier in report.earlier_verdicts)}
            for report in self._waybill.messages.find(message.source, message.id)
        ]
        show_rows(columns, rows, Format.TABLE)
        _blank()

    def _show_overdue(self, order_id: str, asked: Asked = PRESENT) -> None:
        view = view_named("overdue")
        overdue = self._ask("overdue", asked)
        rows = [row for row in overdue if row["order_id"] == order_id]
        if rows:
            show_lines(_laid(view.columns, rows, VIEW_COLUMNS[view.relation]).lines)
        else:
            show_note(Format.TABLE, f"{order_id} is not overdue")
        show_note(Format.TABLE, f"{len(overdue):,} overdue in all")
        _blank()

    def _show_timeline(self, order_id: str) -> None:
        answer = self._waybill.orders.order(order_id, self._waybill.clock())
        if answer is not None:
            show_lines(timeline_lines(answer, ROOM, with_positions=True))
        show_note(Format.TABLE, f"with all columns: waybill order {order_id} --wide")
        _blank()


def _show_some(
    title: str, command: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]], importance: Sequence[str]
) -> None:
    shown = rows[:ROWS_SHOWN]
    console().print(f"[bold]{escape(title)}[/bold]", soft_wrap=True)
    if shown:
        show_lines(_laid(columns, shown, importance).lines)
    show_note(Format.TABLE, f"{len(shown)} of {len(rows):,}, some columns; all: waybill {command}")
    _blank()


def _laid(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], importance: Sequence[str]) -> Laid:
    return laid_out(columns, rows, ROOM, importance=importance, choice=NO_CHOICE, records=AsRecords.IF_NARROW)


def _headline(text: str) -> None:
    console().print(f"[bold cyan]== {text} ==[/bold cyan]\n")


def _print(text: str) -> None:
    console().print(fill(text, TEXT_WIDTH), markup=False, soft_wrap=True)


def _blank() -> None:
    console().print()


def _busy(text: str) -> AbstractContextManager[object]:
    """A spinner on a terminal, nothing elsewhere."""
    return errors().status(text) if sys.stderr.isatty() else nullcontext()


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
