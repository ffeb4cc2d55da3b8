"""The demonstration: a sales floor is simulated and taken in, its views are shown, and messages come early and late."""

import sys
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import fill, shorten
from time import sleep
from typing import Annotated, Any, NamedTuple

import msgspec
import typer

from consumers.sources.json_lines import JsonLines
from domain.fact import Fact
from domain.order.events import ShipmentDispatched
from domain.order.kind import ORDER
from domain.streams import settle_stream, stream_name
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.app.status import read_status
from infra.cli.files import simulate_floor
from infra.cli.output import Format, console, errors, readable_instant, show_counts, show_rows
from infra.queries.views import Asked
from infra.settings import load_settings
from infra.telemetry.logs import configure_logs
from projections.views.catalogue import view_named

STORE_FILE = "demo.db"
FLOOR_FILE = "floor.jsonl"
SHARE_OF_WRONG_MESSAGES = 0.01
ROWS_SHOWN = 3
TEXT_WIDTH = 78

ORDER_TOLD_BACKWARDS = "SO-900001"

# Of each view the columns for which a terminal of 80 characters has room.
COLUMNS_SHOWN: Mapping[str, Sequence[str]] = {
    "overdue": ("order_id", "rep_id", "promised_by", "hours_overdue", "stage", "mode"),
    "at-risk": ("order_id", "rep_id", "promised_by", "hours_left", "why", "estimated_delivery", "stage"),
    "workload": ("rep_id", "name", "open_orders", "to_book", "overdue", "at_risk", "follow_ups_owed"),
    "late": ("order_id", "promised_by", "delivered_at", "hours_late", "carrier"),
    "follow-ups": ("order_id", "rep_id", "about", "owed_since", "hours_owed"),
}
PRESENT = Asked()


def add_commands(app: typer.Typer) -> None:
    app.command()(demo)


def demo(
    orders: Annotated[int, typer.Option("--orders", min=1, help="How many orders the floor takes.")] = 3_000,
    seed: Annotated[int, typer.Option("--seed", help="Another seed is another floor.")] = 1,
    store_folder: Annotated[
        Path,
        typer.Option("--store-folder", metavar="FOLDER", help="Where the demo's own store is made, anew at each run."),
    ] = Path(".local/demo"),
) -> None:
    """Simulate a sales floor, take it in, and show what can be asked."""
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
        demonstration.take_a_floor_in(orders, seed)
        demonstration.show_the_views()
        demonstration.tell_an_order_backwards()
        late = demonstration.hear_of_a_delivery_late()
        demonstration.say_what_to_try(late)


def _new_store(folder: Path) -> Path:
    """The path of a store that is not there yet. Of what the folder holds, only an earlier demo's files are removed."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in (FLOOR_FILE, *(STORE_FILE + suffix for suffix in ("", "-journal", "-shm", "-wal"))):
        (folder / name).unlink(missing_ok=True)
    return folder / STORE_FILE


class LateDelivery(NamedTuple):
    """A confirmation that came late, and the instants of the two clocks at which that shows."""

    order_id: str
    source: str
    message_id: str
    as_of: datetime
    known_at: datetime


class Demonstration:
    """One run on a new store. `floor` is the file into which the simulated messages are written."""

    def __init__(self, waybill: Waybill, floor: Path):
        self._waybill = waybill
        self._floor = floor

    def take_a_floor_in(self, orders: int, seed: int) -> None:
        _headline("The floor")
        _say(
            "Three months of a sales floor, as order entry, CRM, warehouse, HR and couriers publish them: "
            "some messages late, some before what they name, some twice, and one in a hundred wrong."
        )
        sys.stdout.flush()
        simulate_floor(orders, seed, self._now(), SHARE_OF_WRONG_MESSAGES, str(self._floor))
        source = JsonLines.of_file(self._floor, batch_lines=self._waybill.settings.batch_messages)
        with _busy("ingesting the messages"), ingest_source(self._waybill, source) as report:
            pass
        show_counts(report.counts, report.untaken, Format.TABLE)
        _blank()
        books = read_status(self._waybill).books
        sums_up = "received = applied + duplicate + held + dead, each message in its latest verdict"
        show_rows(books._fields, [books._asdict()], Format.TABLE, title="The books", footer=sums_up)
        _blank()
        dead = [letter._asdict() for letter in self._waybill.dead_letters.dead(self._waybill.clock())]
        _show_some("Some that were not taken", "dead-letters list", ("verdict", "subject", "reason"), dead)

    def show_the_views(self) -> None:
        _headline("What can be asked")
        for verb, columns in COLUMNS_SHOWN.items():
            rows = self._ask(verb)
            if verb == "workload":
                rows = sorted(rows, key=lambda row: (-row["open_orders"], row["rep_id"]))
            _show_some(view_named(verb).description, verb, columns, rows)

    def tell_an_order_backwards(self) -> None:
        _headline("An order told backwards")
        order_id, shipment_id = ORDER_TOLD_BACKWARDS, f"{ORDER_TOLD_BACKWARDS}-S1"
        yesterday = self._now().replace(hour=0, minute=0, second=0) - timedelta(days=1)
        promised_by = yesterday + timedelta(hours=16)
        placed_at = yesterday - timedelta(days=2, hours=16)
        courier, message_id = "/couriers/northline", "NL-DEMO-1"

        _say(f"A courier tells that it fetched goods of {order_id}. Nobody has heard of that order yet:")
        dispatch = {"shipment_id": shipment_id}
        self._publish(courier, message_id, "shipment.dispatched.v1", placed_at + timedelta(hours=3), order_id, dispatch)
        self._show_message(courier, message_id)

        _say("Order entry was down. Now it catches up, with the booking and then the order:")
        booking = {
            "shipment_id": shipment_id,
            "mode": "courier",
            "carrier": "Northline",
            "estimated_delivery": promised_by - timedelta(hours=4),
        }
        placing = {
            "account_id": "AC-10001",
            "rep_id": "rep-1",
            "segment": "b2b",
            "channel": "inbound_call",
            "currency": "EUR",
            "lines": [{"line": 1, "sku": "BX-100", "quantity": "12", "unit_price": "14.00"}],
            "promised_by": promised_by,
        }
        booked_at = placed_at + timedelta(hours=1)
        self._publish("/order-entry", "OE-DEMO-2", "shipment.booked.v1", booked_at, order_id, booking)
        self._publish("/order-entry", "OE-DEMO-1", "order.placed.v1", placed_at, order_id, placing)
        self._show_message(courier, message_id)
        _say("The courier's message was taken by itself. Had the three come in order, nothing would differ.")
        _blank()

    def hear_of_a_delivery_late(self) -> LateDelivery:
        _headline("A delivery heard of late")
        order_id, dispatch, promised_by = self._overdue_on_its_way()
        _say(f"{order_id} is on its way and its promise has passed:")
        self._show_overdue(order_id)
        known_at = self._let_a_second_pass()

        _say("Now the driver's scanner is read. The goods were there before the promise:")
        late = LateDelivery(order_id, dispatch.source, f"LATE-{order_id}", promised_by + timedelta(hours=1), known_at)
        delivered_at = promised_by - timedelta(hours=1, minutes=20)
        delivered = {"shipment_id": dispatch.shipment_id, "signed_by": "goods in"}
        self._publish(late.source, late.message_id, "delivery.confirmed.v1", delivered_at, order_id, delivered)
        self._show_overdue(order_id)
        _say("It was on time after all. The timeline goes by when things happened; positions tell when they came in:")
        self._show_timeline(order_id)

        _say(
            f"Was it overdue an hour after the promise, at {readable_instant(late.as_of)}? "
            "What was true then (--as-of), by all that is known by now:"
        )
        self._show_overdue(order_id, Asked(late.as_of))
        _say("And by what was known before the scanner was read (--as-of and --known-at):")
        self._show_overdue(order_id, Asked(late.as_of, late.known_at))
        return late

    def say_what_to_try(self, late: LateDelivery) -> None:
        _headline("What to try next")
        as_of = f"--as-of {_rfc3339(late.as_of)}"
        commands = [
            f"export WAYBILL_STORE={self._waybill.settings.store}",
            "waybill workload",
            "waybill overdue --rep rep-1",
            f"waybill order {late.order_id}",
            f"waybill overdue {as_of}",
            f"waybill overdue {as_of} --known-at {_rfc3339(late.known_at)}",
            f"waybill message {late.source} {late.message_id}",
            f'waybill void {late.source} {late.message_id} --reason "another door"',
            f"waybill ingest {self._floor}  # again: all duplicates, nothing changes",
            "waybill held list --limit 5",
            "waybill status",
            "waybill verify",
        ]
        command = Path(sys.argv[0]).absolute()
        if command.name == "waybill" and command.is_relative_to(Path.cwd()):
            commands.insert(0, f'export PATH="$PWD/{command.parent.relative_to(Path.cwd())}:$PATH"')
        for line in commands:
            console().print(line, markup=False, soft_wrap=True)

    # -- publishing and asking -------------------------------------------------------------------

    def _now(self) -> datetime:
        return self._waybill.clock().replace(microsecond=0)

    def _let_a_second_pass(self) -> datetime:
        """A whole second for a command to name: what came before is known at it, what comes next is not."""
        second = self._now() + timedelta(seconds=1)
        while self._waybill.clock() <= second:
            sleep(0.02)
        return second

    def _publish(
        self, source: str, message_id: str, type_: str, time: datetime, subject: str, data: Mapping[str, Any]
    ) -> None:
        message = {
            "specversion": "1.0",
            "id": message_id,
            "source": source,
            "type": type_,
            "time": time,
            "subject": subject,
            "data": data,
        }
        with ingest_source(self._waybill, JsonLines.of_bytes(source, msgspec.json.encode(message))):
            pass
        console().print(f"  [cyan]{type_}[/cyan] from {source}, time {readable_instant(time)}", soft_wrap=True)

    def _ask(self, verb: str, asked: Asked = PRESENT) -> Sequence[Mapping[str, Any]]:
        return self._waybill.views.ask(view_named(verb), asked).rows

    def _overdue_on_its_way(self) -> tuple[str, ShipmentDispatched, datetime]:
        """Of the overdue orders that one shipment on its way would complete, the one with the latest promise.

        One of the floor's, if it has any; the order that was told backwards is such an order too.
        """
        rows = [row for row in self._ask("overdue") if row["stage"] == "in_transit" and row["hours_overdue"] > 2]
        for row in sorted(
            rows, key=lambda row: (row["order_id"] != ORDER_TOLD_BACKWARDS, row["promised_by"]), reverse=True
        ):
            stream = stream_name(ORDER, row["order_id"])
            events = [stored.event for stored in self._waybill.history.stream(stream)]
            settling = settle_stream(stream, [event for event in events if isinstance(event, Fact)])
            dispatches = [moment.fact for moment in settling.moments if isinstance(moment.fact, ShipmentDispatched)]
            completes = settling.state.live.keys() == {fact.shipment_id for fact in dispatches[-1:]}
            quiet = settling.moments[-1].at < row["promised_by"] - timedelta(hours=2)
            if completes and quiet and not settling.state.left_to_book():
                return row["order_id"], dispatches[-1], row["promised_by"]
        raise AssertionError(f"{ORDER_TOLD_BACKWARDS} must be overdue and on its way")

    # -- showing ---------------------------------------------------------------------------------

    def _show_message(self, source: str, message_id: str) -> None:
        columns = ("id", "before", "verdict", "took_effect_at", "reason")
        rows = [
            {**report._asdict(), "before": ", ".join(earlier.verdict for earlier in report.earlier_verdicts)}
            for report in self._waybill.messages.find(source, message_id)
        ]
        show_rows(columns, rows, Format.TABLE)
        _blank()

    def _show_overdue(self, order_id: str, asked: Asked = PRESENT) -> None:
        overdue = self._ask("overdue", asked)
        show_rows(
            COLUMNS_SHOWN["overdue"],
            [row for row in overdue if row["order_id"] == order_id],
            Format.TABLE,
            footer=f"{len(overdue):,} overdue in all",
            empty=f"{order_id} is not overdue",
        )
        _blank()

    def _show_timeline(self, order_id: str) -> None:
        answer = self._waybill.orders.order(order_id)
        rows = [
            {**entry._asdict(), "what_changed": shorten(entry.what_changed, 50, placeholder=" …")}
            for entry in (answer.timeline if answer else ())
        ]
        columns = ("position", "occurred_at", "event", "what_changed")
        show_rows(columns, rows, Format.TABLE, footer=f"with all columns: waybill order {order_id}")
        _blank()


def _show_some(title: str, command: str, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    shown = rows[:ROWS_SHOWN]
    footer = f"{len(shown)} of {len(rows):,}, some columns; all: waybill {command}"
    show_rows(columns, shown, Format.TABLE, title=title, footer=footer, empty="none")
    _blank()


def _headline(text: str) -> None:
    console().print(f"[bold cyan]== {text} ==[/bold cyan]\n")


def _say(text: str) -> None:
    console().print(fill(text, TEXT_WIDTH), markup=False, soft_wrap=True)


def _blank() -> None:
    console().print()


def _busy(text: str) -> AbstractContextManager[object]:
    """Something that moves on a terminal, nothing elsewhere."""
    return errors().status(text) if sys.stderr.isatty() else nullcontext()


def _rfc3339(instant: datetime) -> str:
    return instant.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
