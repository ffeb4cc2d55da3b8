"""Commands of the parts that speak to Kafka: topics, consume, relay, up, reingest."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.markup import escape

from consumers.contract.topics import read_topics
from domain.verdict import Verdict
from infra.cli.arguments import FormatOption, open_waybill, read_instant, stopped_by_signals
from infra.cli.messages import show_tally
from infra.cli.output import Format, errors, show_rows
from infra.kafka.connection import kafka_connection
from infra.runtime.supervisor import supervise
from infra.settings import load_settings
from infra.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from infra.app.reingest import WouldBe

PATIENCE_OF_ONCE = 60.0
"""How many seconds a broker that does not answer is tried by a relay that is to end."""

topics_app = typer.Typer(help="The Kafka topics that Waybill reads and writes.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    app.add_typer(topics_app, name="topics")
    app.command()(consume)
    app.command()(relay)
    app.command()(up)
    app.command()(reingest)


def consume() -> None:
    """Read Kafka into the store until stopped (SIGTERM or Ctrl-C: what was read is stored first).

    Run as many as there are partitions: the group shares them out. `waybill project` keeps the views up.
    """
    stop = stopped_by_signals()
    with open_waybill(stop=stop) as waybill:
        waybill.consumer(stop).run()


def relay(
    once: Annotated[bool, typer.Option("--once", help="Stop when all was told.")] = False,
) -> None:
    """Tell others what took effect and which verdicts there are, until stopped (the batch at hand is finished first).

    To the topics waybill.events, waybill.verdicts and, of what is dead, <topic>.dead. Run several, and one is active.
    Where it begins on a store on which it never ran, WAYBILL_RELAY_FROM says.
    """
    stop = stopped_by_signals()
    with open_waybill(stop=stop) as waybill:
        waybill.relay(stop, patience=PATIENCE_OF_ONCE if once else None).run(once=once)


def up() -> None:
    """Consume, project and relay in one process, until stopped (SIGTERM or Ctrl-C: what was begun is finished first).

    Each part also runs alone, and any number of processes may run on one store.
    """
    stop = stopped_by_signals()
    with open_waybill(stop=stop) as waybill:
        supervise(
            {
                "consume": waybill.consumer(stop).run,
                "project": lambda: waybill.projector(stop).run(once=False),
                "relay": waybill.relay(stop).run,
            },
            stop,
        )


def read_point(text: str | int | datetime) -> int | datetime:
    """An offset, or an instant."""
    if isinstance(text, str) and text.isascii() and text.isdigit():
        return int(text)
    return text if isinstance(text, int) else read_instant(text)


def reingest(
    topic: Annotated[str, typer.Option("--topic", help="One of the five topics, with its prefix or without.")],
    begin: Annotated[
        Any,
        typer.Option(
            "--from", parser=read_point, metavar="INSTANT|OFFSET", help="When it was published, or each offset."
        ),
    ],
    end: Annotated[
        Any,
        typer.Option("--to", parser=read_point, metavar="INSTANT|OFFSET", help="Up to there, which is left out."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would become of each message, and store nothing.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Read a topic's past again. The live consumers go on undisturbed; what was taken before is a duplicate.

    A dry run holds other writers up while it looks.
    """
    from kafka.errors import KafkaError

    from consumers.kafka_workarounds import cause_of

    with open_waybill() as waybill:
        name = _read_topic(topic, waybill.settings.topic_prefix)
        try:
            with waybill.reingest(name, begin, end) as again:
                if dry_run:
                    _show_what_would_be(again.try_out(), form)
                    return
                feeds = again.take()
        except (KafkaError, OSError) as e:
            errors().print(f"[red]waybill:[/red] Kafka at {waybill.settings.kafka} failed: {escape(str(cause_of(e)))}")
            raise typer.Exit(1) from e
        waybill.project()
        tallies = [waybill.register.tally(feed_id) for feed_id in feeds]
        show_tally({verdict: sum(tally[verdict] for tally in tallies) for verdict in Verdict}, form)


def _read_topic(topic: str, prefix: str) -> str:
    names = read_topics(prefix)
    if prefix + topic in names:
        return prefix + topic
    if topic in names:
        return topic
    raise typer.BadParameter(f"{topic} is not read; one of {', '.join(names)} is", param_hint="--topic")


def _show_what_would_be(found: "Sequence[WouldBe]", form: Format) -> None:
    counts = Counter(row.verdict.value for row in found)
    rows = [{**row._asdict(), "verdict": row.verdict.value} for row in found]
    columns = ("topic", "partition", "offset", "verdict", "reason", "source", "id", "subject")
    footer = ", ".join(f"{counts[verdict.value]} {verdict.value}" for verdict in Verdict)
    show_rows(columns, rows, form, title="What would become of each message", footer=footer, empty="no messages there")


@topics_app.command("create")
def create_topics(
    partitions: Annotated[
        int, typer.Option("--partitions", min=1, max=10_000, help="Of each topic that is created.")
    ] = 6,
    replication_factor: Annotated[
        int | None, typer.Option("--replication-factor", min=1, max=100, help="Else as the broker has it.")
    ] = None,
    form: FormatOption = Format.TABLE,
) -> None:
    """Create the topics that are missing, and leave alone those that are there. Can be run again at any time.

    The five topics that Waybill reads keep their messages for ever, since a lost store is made anew from them.
    """
    # Imported here, since the other commands need not wait for it.
    from kafka.errors import KafkaError

    from consumers.kafka_workarounds import cause_of
    from infra.kafka.topics import TopicMade, make_topics

    settings = load_settings()
    configure_logs(settings)
    try:
        made = make_topics(
            kafka_connection(settings),
            settings.topic_prefix,
            partitions,
            -1 if replication_factor is None else replication_factor,
            settings.max_message_bytes,
        )
    except (KafkaError, OSError) as e:
        errors().print(f"[red]waybill:[/red] Kafka at {settings.kafka} was not reached: {escape(str(cause_of(e)))}")
        raise typer.Exit(1) from e
    show_rows(TopicMade._fields, [topic._asdict() for topic in made], form)
    counts = {topic.partitions for topic in made if topic.topic in read_topics(settings.topic_prefix)} - {None}
    if len(counts) > 1:
        errors().print(
            "[red]the five topics differ in partitions[/red]; nothing is lost by that, but an order's messages may be "
            "spread over several consumers, which is slower"
        )
    if any(topic.state == "failed" for topic in made) or len(counts) > 1:
        raise typer.Exit(1)
