"""Options that select messages, shared by events, void and correct."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Annotated

import typer

from consumers.contract.fields import Condition, FieldError, read_condition
from domain.fact import EVENT_CLASSES, FACT_CLASSES, Fact, StreamEvent
from domain.nearest import did_you_mean
from domain.operator.acts import OperatorAct
from infra.cli.arguments import read_since
from infra.settings import load_settings

SinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--since",
        parser=read_since,
        metavar="T",
        help="Only messages whose own time is T or later; 2h means two hours ago.",
    ),
]
UntilOption = Annotated[
    datetime | None,
    typer.Option("--until", parser=read_since, metavar="T", help="Only messages whose own time is before T."),
]
ReceivedSinceOption = Annotated[
    datetime | None,
    typer.Option(
        "--received-since",
        parser=read_since,
        metavar="T",
        help="Only what was recorded at T or later; 2h means two hours ago.",
    ),
]
ReceivedUntilOption = Annotated[
    datetime | None,
    typer.Option("--received-until", parser=read_since, metavar="T", help="Only what was recorded before T."),
]
CorrelationOption = Annotated[
    str | None, typer.Option("--correlation", metavar="ID", help="Only messages with this correlation id.")
]
WhereOption = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        metavar="FIELD=VALUE",
        help="Only messages with such a field, such as data.carrier=Swift or 'data.promised_by<2026-01-01'; "
        "also !=, <=, > and >=. Give it again to narrow it.",
    ),
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="FIELD=VALUE",
        help="What it should have said, such as data.promised_by=2026-03-10T16:00:00Z, data.promised_by=+1d, "
        "time=-2h or 'data.lines[0].quantity=3'. VALUE is JSON or text. Several times.",
    ),
]


def read_conditions(given: Sequence[str] | None) -> tuple[Condition, ...]:
    """The conditions of --where. Raises BadParameter."""
    zone = load_settings().zone
    try:
        return tuple(read_condition(text, zone) for text in given or ())
    except FieldError as e:
        raise typer.BadParameter(str(e), param_hint="--where") from None


def expect_span(since: datetime | None, until: datetime | None, prefix: str = "--") -> None:
    """Raises BadParameter if the span of the options that begin so is empty."""
    if since is not None and until is not None and until <= since:
        raise typer.BadParameter(f"must be later than {prefix}since", param_hint=f"{prefix}until")


def topics_named(name: str | None) -> Collection[str] | None:
    """The stored topics of an event class, a topic or a message type; None for no name. Raises BadParameter."""
    if name is None:
        return None
    known: dict[str, set[str]] = {}
    for event_class in EVENT_CLASSES.values():
        for own in _names_of(event_class):
            known.setdefault(own, set()).add(event_class.TOPIC)
    known[OperatorAct.__name__] = {topic for topic in EVENT_CLASSES if topic.startswith(OperatorAct.TOPICS)}
    if name not in known:
        raise typer.BadParameter(f"there is no event type {name}{did_you_mean(name, known)}", param_hint="--type")
    return known[name]


def expect_message_type(name: str | None) -> None:
    """Raises BadParameter if there is no message type of this name."""
    if name is not None and name not in FACT_CLASSES:
        nearest = did_you_mean(name, FACT_CLASSES)
        raise typer.BadParameter(f"there is no message type {name}{nearest}", param_hint="--type")


def _names_of(event_class: type[StreamEvent]) -> tuple[str, ...]:
    """The class's name, its stored topic and, for a fact, its message type."""
    names = (event_class.__name__, event_class.TOPIC)
    return (*names, event_class.TYPE) if issubclass(event_class, Fact) else names
