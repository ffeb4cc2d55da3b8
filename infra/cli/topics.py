"""Commands about Kafka's topics: topics, reingest."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from consumers.contract.topics import Timestamps, read_topics
from domain.counted import counted
from domain.verdict import Verdict
from infra.cli import completion
from infra.cli.arguments import FormatOption, open_waybill, read_instant, why_option
from infra.cli.output import Format, errors, show_counts, show_rows
from infra.cli.tables.importance import PARTITIONS
from infra.settings import load_settings
from infra.store.opening import Access
from infra.telemetry.logs import configure_logs

if TYPE_CHECKING:
    from infra.app.reingest import WouldBe

topics = typer.Typer(help="The Kafka topics that Waybill reads and writes.", no_args_is_help=True)


def add_commands(app: typer.Typer) -> None:
    app.add_typer(topics, name="topics")
    app.command()(reingest)


@topics.command("create")
def create(
    partitions: Annotated[
        int, typer.Option("--partitions", min=1, max=10_000, help="The number of partitions of each new topic.")
    ] = 6,
    replication_factor: Annotated[
        int | None,
        typer.Option(
            "--replication-factor",
            min=1,
            max=100,
            help="The replication factor of each new topic; default: the broker's.",
        ),
    ] = None,
    timestamps: Annotated[
        Timestamps,
        typer.Option(
            "--timestamps",
            help="Whose clock stamps records: the broker's (LogAppendTime), which then says "
            "when a message became known, or the producer's (CreateTime).",
        ),
    ] = Timestamps.BROKER,
    form: FormatOption = Format.TABLE,
) -> None:
    """Create missing topics and leave the others unchanged. You can run it again at any time.

    The five topics that Waybill reads have unlimited retention, so a lost store can be rebuilt from them.
    """
    # Imported here: other commands do not need Kafka's client.
    from infra.app.topics import create_topics
    from infra.kafka.topics import TopicMade

    settings = load_settings()
    configure_logs(settings)
    report = create_topics(settings, partitions, replication_factor, timestamps)
    show_rows(TopicMade._fields, [topic._asdict() for topic in report.topics], form)
    if report.differ:
        errors().print(
            "[red]the five topics have different partition counts[/red]; this is safe but slower: an order's "
            "messages may "
            "go to several consumers"
        )
    if not report.is_complete:
        raise typer.Exit(1)


@topics.command("check")
def check(form: FormatOption = Format.TABLE) -> None:
    """Show what is no longer in the topics and not yet in the store. Exits with 1 if anything is missing.

    Run it after a restore, before you start the service. It changes nothing.
    """
    # Imported here: other commands do not need Kafka's client.
    from infra.app.retention import PartitionCheck
    from infra.app.topics_check import check_topics

    with open_waybill() as waybill:
        checked = check_topics(waybill)
    footer = "everything that the store has not read is there"
    if checked is None:
        footer = "the store never read Kafka, and WAYBILL_KAFKA is not set: there is nothing to check"
    found = checked or ()
    wrong = [one for one in found if not one.is_readable]
    missing = sum(one.missing for one in wrong)
    if missing:
        footer = f"{counted(missing, 'message')} {'is' if missing == 1 else 'are'} missing"
    elif wrong:
        footer = "compare the partitions that are not readable with docs/backup.md"
    show_rows(
        PartitionCheck._fields,
        [one._asdict() for one in found],
        form,
        title="Topics",
        footer=footer,
        importance=PARTITIONS,
    )
    if wrong:
        raise typer.Exit(1)


@topics.command("skip")
def skip_offsets(
    topic: Annotated[
        str,
        typer.Option(
            "--topic", help="One of the five topics, with or without the prefix.", autocompletion=completion.topics
        ),
    ],
    partition: Annotated[int, typer.Option("--partition", min=0, help="The partition that is stuck.")],
    to_offset: Annotated[
        int, typer.Option("--to-offset", min=1, metavar="N", help="Where to continue; the log calls it end_offset.")
    ],
    reason: Annotated[str, why_option("The reason, stored with the dead letter.")],
    form: FormatOption = Format.TABLE,
) -> None:
    """Skip an unreadable batch so that its partition goes on. A dead letter records the skipped offsets."""
    # Imported here: other commands do not need Kafka's client.
    from infra.app.skip_batch import CannotSkipError, Skipped, skip

    with open_waybill(access=Access.ACTING) as waybill:
        name = _read_topic(topic, waybill.settings.topic_prefix)
        try:
            skipped = skip(waybill, name, partition, to_offset, reason)
        except CannotSkipError as e:
            raise typer.BadParameter(str(e), param_hint="--to-offset") from e
        show_rows(Skipped._fields, [skipped._asdict()], form)


def read_point(text: str | int | datetime) -> int | datetime:
    """An offset, or an instant."""
    if isinstance(text, str) and text.isascii() and text.isdigit():
        return int(text)
    return text if isinstance(text, int) else read_instant(text)


def reingest(
    topic: Annotated[
        str,
        typer.Option(
            "--topic", help="One of the five topics, with or without the prefix.", autocompletion=completion.topics
        ),
    ],
    begin: Annotated[
        Any,
        typer.Option(
            "--from",
            parser=read_point,
            metavar="INSTANT|OFFSET",
            help="Start with what was published at this instant, or at this offset of each partition.",
        ),
    ],
    end: Annotated[
        Any,
        typer.Option("--to", parser=read_point, metavar="INSTANT|OFFSET", help="Stop before this instant or offset."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show the verdict that each message would get, and store nothing.")
    ] = False,
    form: FormatOption = Format.TABLE,
) -> None:
    """Read a topic's past again. Live consumers are not disturbed; what was taken before is a duplicate.

    A dry run blocks other writers while it runs.
    """
    # Imported here: other commands do not need Kafka's client.
    from infra.app.reingest import reingest_topic, would_reingest

    with open_waybill(access=Access.ACTING) as waybill:
        name = _read_topic(topic, waybill.settings.topic_prefix)
        if dry_run:
            _show_what_would_be(would_reingest(waybill, name, begin, end), form)
        else:
            report = reingest_topic(waybill, name, begin, end)
            show_counts(report.counts, report.untaken, form)


def _read_topic(topic: str, prefix: str) -> str:
    names = read_topics(prefix)
    if prefix + topic in names:
        return prefix + topic
    if topic in names:
        return topic
    raise typer.BadParameter(f"Waybill does not read {topic}; give one of {', '.join(names)}", param_hint="--topic")


def _show_what_would_be(found: "Sequence[WouldBe]", form: Format) -> None:
    counts = Counter(row.verdict for row in found)
    rows = [{**row._asdict(), "verdict": row.verdict.value} for row in found]
    columns = ("topic", "partition", "offset", "verdict", "reason", "source", "id", "subject")
    footer = ", ".join(f"{counts[verdict]} {verdict.value}" for verdict in Verdict)
    show_rows(columns, rows, form, title="Verdicts of a dry run", footer=footer, empty="no messages there")
