"""Commands that run until stopped: consume, project, react, relay, and up for all of these and serve."""

import socket
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from threading import Event
from typing import Annotated

import structlog
import typer

from infra.app import react_dry_run
from infra.app.container import Waybill, system_clock
from infra.cli.arguments import FormatOption, open_waybill
from infra.cli.output import Format, console, progress_bar, readable_instant, show_rows, show_warning
from infra.cli.serving import AddressOption, listen, read_address, serving_part
from infra.cli.signals import stopped_by_signals
from infra.cli.tables.importance import PLANNED_MESSAGES
from infra.runtime.reactions import Done
from infra.runtime.supervisor import supervise
from infra.settings import load_settings
from infra.signals.process import ProcessSignals, signals_of
from infra.signals.pulse import Pulse
from infra.store.opening import Access
from infra.store.pauses import REACT, RELAY
from infra.telemetry.logs import configure_logs
from infra.version import waybill_version
from projections.runner import Step

PARTS = ("consume", "project", "react", "relay", "serve")
PARTS_WITHOUT_KAFKA = ("project", "react", "serve")
PATIENCE_OF_ONCE = 60.0
"""How many seconds `relay --once` tries to reach a broker that does not answer."""


MetricsOption = Annotated[
    str | None,
    typer.Option(
        "--metrics",
        parser=read_address,
        metavar="HOST:PORT",
        help="Serve /metrics, /healthz and /readyz there, such as 127.0.0.1:9464 (default: WAYBILL_METRICS).",
    ),
]


def add_commands(app: typer.Typer) -> None:
    app.command()(consume)
    app.command()(project)
    app.command()(react)
    app.command()(relay)
    app.command()(up)


@contextmanager
def running(parts: Sequence[str], metrics: str | None, stop: Event) -> Iterator[tuple[Waybill, ProcessSignals]]:
    """The service, opened for these parts, and their signals, which are served before the store is open."""
    settings = load_settings()
    configure_logs(settings)
    structlog.get_logger(__name__).info("process_started", version=waybill_version(), parts=list(parts))
    address = settings.metrics if metrics is None else metrics
    with (
        signals_of(parts, settings, system_clock, address) as signals,
        open_waybill(stop=stop, access=Access.ACTING, meter=signals.meter) as waybill,
    ):
        signals.watch(waybill.engine)
        _warn_of_pauses(waybill)
        yield waybill, signals


def consume(metrics: MetricsOption = None) -> None:
    """Read Kafka into the store until stopped (SIGTERM or Ctrl-C; the current batch is stored first).

    Run up to one process a partition: the consumer group shares the partitions. `waybill project` updates the views.
    """
    stop = stopped_by_signals()
    with running(["consume"], metrics, stop) as (waybill, signals):
        signals.run("consume", lambda pulse: waybill.consumer(stop, pulse).run())


def project(
    once: Annotated[bool, typer.Option("--once", help="Stop when the views are up to date.")] = False,
    metrics: MetricsOption = None,
) -> None:
    """Keep the views up to date until stopped (SIGTERM or Ctrl-C; the current batch is finished first)."""
    stop = stopped_by_signals()
    with running(["project"], metrics, stop) as (waybill, signals), progress_bar() as progress:
        task = progress.add_task("projecting", total=None)

        def show(step: Step) -> None:
            progress.update(task, total=waybill.retry(waybill.history.head), completed=step.end)

        signals.run("project", lambda pulse: waybill.projector(stop, pulse).run(once=once, on_step=show))


def react(
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is left to do, and project.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what --once would state and withdraw, and store nothing.")
    ] = False,
    no_project: Annotated[
        bool, typer.Option("--no-project", help="With --once, leave the views to `waybill project`.")
    ] = False,
    metrics: MetricsOption = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """State what follows from the stored messages, until stopped (the current batch is stored first).

    It tells orders what carriers say about their parcels, and places the orders of standing orders. These messages are
    stored like all others, and withdrawn when their reason is gone. If several processes run, one has the
    leadership. Nothing else starts a reactor: no rebuild, migration or reading of a file.
    """
    stop = stopped_by_signals()
    with running(["react"], metrics, stop) as (waybill, signals):
        if dry_run:
            rows = [planned._asdict() for planned in react_dry_run.dry_run(waybill)]
            show_rows(
                react_dry_run.PlannedMessage._fields,
                rows,
                form,
                title="What would follow",
                empty="nothing",
                importance=PLANNED_MESSAGES,
            )
            return
        done = signals.run("react", lambda pulse: waybill.react(stop, once=once, pulse=pulse))
        if once and not no_project and not stop.is_set():
            waybill.project()
        paused = once and REACT in waybill.pauses()
    if once and form is Format.TABLE:
        console().print(_did(done))
    elif once:
        show_rows(Done._fields, [one._asdict() for one in done], form)
    if paused:
        raise typer.Exit(1)


def _did(done: Sequence[Done]) -> str:
    if not any(one.stated or one.withdrawn for one in done):
        return "nothing to state or withdraw"
    return "; ".join(f"{one.reactor}: stated {one.stated}, withdrawn {one.withdrawn}" for one in done)


def relay(
    once: Annotated[bool, typer.Option("--once", help="Stop when everything is sent.")] = False,
    metrics: MetricsOption = None,
) -> None:
    """Publish to Kafka what took effect and the verdicts, until stopped (the current batch is finished first).

    It writes to waybill.events, waybill.verdicts and, for dead letters, <topic>.dead. If several run, one has the
    leadership. WAYBILL_RELAY_FROM says where the first relay of a store begins. Beside topics that already have
    records, as when the store was recreated, it sends nothing until that is set.
    """
    stop = stopped_by_signals()
    patience = PATIENCE_OF_ONCE if once else None
    with running(["relay"], metrics, stop) as (waybill, signals):
        signals.run("relay", lambda pulse: waybill.relay(stop, patience=patience, pulse=pulse).run(once=once))
        if once and RELAY in waybill.pauses():
            raise typer.Exit(1)


def up(
    metrics: MetricsOption = None,
    address: AddressOption = None,
    without_kafka: Annotated[
        bool, typer.Option("--without-kafka", help="Only project, react and serve: messages come over HTTP or by file.")
    ] = False,
) -> None:
    """Consume, project, react, relay and serve in one process until stopped (SIGTERM or Ctrl-C; batches are finished).

    Each part also runs alone, and any number of processes may run on one store.
    """
    stop = stopped_by_signals()
    parts = PARTS_WITHOUT_KAFKA if without_kafka else PARTS
    with listen(address) as listener, running(parts, metrics, stop) as (waybill, signals):
        run_together(parts, waybill, signals, listener, stop)


def run_together(
    parts: Sequence[str], waybill: Waybill, signals: ProcessSignals, listener: socket.socket, stop: Event
) -> None:
    """Run these parts in this process until `stop` is set. Raises what the first part that fails raises."""
    work: Mapping[str, Callable[[Pulse], object]] = {
        "consume": lambda pulse: waybill.consumer(stop, pulse).run(),
        "project": lambda pulse: waybill.projector(stop, pulse).run(once=False),
        "react": lambda pulse: waybill.react(stop, pulse=pulse),
        "relay": lambda pulse: waybill.relay(stop, pulse=pulse).run(),
        "serve": serving_part(waybill, signals, listener, stop),
    }
    supervise({part: partial(signals.run, part, work[part]) for part in parts}, stop)


def _warn_of_pauses(waybill: Waybill) -> None:
    for name, pause in waybill.retry(waybill.pauses).items():
        show_warning(
            f"{name} is paused since {readable_instant(pause.since)} by {pause.operator}: {pause.reason}; "
            f"to let it go on: waybill resume {name}"
        )
