"""Commands that run until stopped: consume, project, react, relay, and up for all four."""

from collections.abc import Sequence
from threading import Event
from typing import Annotated

import typer

from infra.app import react_dry_run
from infra.app.container import Waybill
from infra.cli.arguments import FormatOption, open_waybill
from infra.cli.output import Format, console, progress_bar, show_rows
from infra.cli.signals import stopped_by_signals
from infra.runtime.reactions import Done
from infra.runtime.supervisor import supervise
from infra.store.opening import Access

PATIENCE_OF_ONCE = 60.0
"""How many seconds `relay --once` tries to reach a broker that does not answer."""


def add_commands(app: typer.Typer) -> None:
    app.command()(consume)
    app.command()(project)
    app.command()(react)
    app.command()(relay)
    app.command()(up)


def consume() -> None:
    """Read Kafka into the store until stopped (SIGTERM or Ctrl-C; the current batch is stored first).

    Run up to one process a partition: the consumer group shares the partitions. `waybill project` updates the views.
    """
    stop = stopped_by_signals()
    with open_waybill(stop=stop, access=Access.ACTING) as waybill:
        waybill.consumer(stop).run()


def project(
    once: Annotated[bool, typer.Option("--once", help="Stop when the views are up to date.")] = False,
) -> None:
    """Keep the views up to date until stopped (SIGTERM or Ctrl-C; the current batch is finished first)."""
    stop = stopped_by_signals()
    with open_waybill(stop=stop, access=Access.ACTING) as waybill, progress_bar() as progress:
        task = progress.add_task("projecting", total=None)
        waybill.projector(stop).run(
            once=once,
            on_step=lambda step: progress.update(task, total=waybill.retry(waybill.history.head), completed=step.end),
        )


def react(
    once: Annotated[bool, typer.Option("--once", help="Stop when nothing is left to do, and project.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what --once would state and withdraw, and store nothing.")
    ] = False,
    no_project: Annotated[
        bool, typer.Option("--no-project", help="With --once, leave the views to `waybill project`.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """State what follows from the stored messages, until stopped (the current batch is stored first).

    Orders are told what carriers say about their parcels, and the orders of standing orders are placed. These messages
    are stored like all others, and withdrawn when their reason is gone. If several processes run, one has the
    leadership. Nothing else starts a reactor: no rebuild, migration or reading of a file.
    """
    stop = stopped_by_signals()
    with open_waybill(stop=stop, access=Access.ACTING) as waybill:
        if dry_run:
            rows = [planned._asdict() for planned in react_dry_run.dry_run(waybill)]
            show_rows(react_dry_run.PlannedMessage._fields, rows, form, title="What would follow", empty="nothing")
            return
        done = waybill.react(stop, once=once)
        if once and not no_project and not stop.is_set():
            waybill.project()
    if once and form is Format.TABLE:
        console().print(_did(done))
    elif once:
        show_rows(Done._fields, [one._asdict() for one in done], form)


def _did(done: Sequence[Done]) -> str:
    if not any(one.stated or one.withdrawn for one in done):
        return "nothing to state or withdraw"
    return "; ".join(f"{one.reactor}: stated {one.stated}, withdrawn {one.withdrawn}" for one in done)


def relay(
    once: Annotated[bool, typer.Option("--once", help="Stop when everything is sent.")] = False,
) -> None:
    """Publish to Kafka what took effect and the verdicts, until stopped (the current batch is finished first).

    It writes to waybill.events, waybill.verdicts and, for dead letters, <topic>.dead. If several run, one has the
    leadership. WAYBILL_RELAY_FROM says where the first relay of a store begins.
    """
    stop = stopped_by_signals()
    with open_waybill(stop=stop, access=Access.ACTING) as waybill:
        waybill.relay(stop, patience=PATIENCE_OF_ONCE if once else None).run(once=once)


def up() -> None:
    """Consume, project, react and relay in one process until stopped (SIGTERM or Ctrl-C; batches are finished first).

    Each part also runs alone, and any number of processes may run on one store.
    """
    stop = stopped_by_signals()
    with open_waybill(stop=stop, access=Access.ACTING) as waybill:
        supervise(
            {
                "consume": waybill.consumer(stop).run,
                "project": lambda: waybill.projector(stop).run(once=False),
                "react": lambda: _react(waybill, stop),
                "relay": waybill.relay(stop).run,
            },
            stop,
        )


def _react(waybill: Waybill, stop: Event) -> None:
    waybill.react(stop)
