"""Command that serves the HTTP API and the pages: serve."""

import typer

from infra.cli.processes import MetricsOption, running
from infra.cli.serving import AddressOption, listen, serving_part
from infra.cli.signals import stopped_by_signals


def add_commands(app: typer.Typer) -> None:
    app.command()(serve)


def serve(address: AddressOption = None, metrics: MetricsOption = None) -> None:
    """Serve the HTTP API and the pages until stopped (SIGTERM or Ctrl-C; requests are finished first).

    What is posted is stored by this process; `waybill project` and `waybill react` do the rest.
    """
    stop = stopped_by_signals()
    with listen(address) as listener, running(["serve"], metrics, stop) as (waybill, signals):
        signals.run("serve", serving_part(waybill, signals, listener, stop))
