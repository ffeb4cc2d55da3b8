"""The options that choose dead letters or held messages, and grouping."""

import shlex
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from functools import partial, wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any

import typer

from consumers.contract.writing import instant_text
from infra.app.container import Waybill
from infra.app.dead_letters.group import GROUPED_BY, LetterGroup, UnknownFieldError, group_letters, read_grouping
from infra.app.known_names import UnknownTypeError, expect_letter_names
from infra.cli import completion
from infra.cli.arguments import SourceOption, SubjectOption, TypeOption, read_age, read_since
from infra.cli.output import Format, show_rows
from infra.cli.tables.columns import NO_CHOICE, ColumnChoice
from infra.queries.dead_letters import DeadLetterFilter, DeadVerdict, UntakenMessage

SHA256_DIGITS = 64


def read_by(text: str) -> tuple[str, ...]:
    """Names of fields, separated by commas."""
    try:
        return read_grouping(text)
    except UnknownFieldError as e:
        raise typer.BadParameter(str(e)) from None


TopicOption = Annotated[
    str | None, typer.Option("--topic", help="Only what came by this topic or file.", autocompletion=completion.topics)
]
VerdictOption = Annotated[DeadVerdict | None, typer.Option("--verdict", help="Only those with this verdict.")]
MatchingOption = Annotated[
    str | None,
    typer.Option("--matching", metavar="TEXT", help="Only messages whose reason contains this text."),
]
MatchingOrReasonOption = Annotated[
    str | None,
    typer.Option("--matching", "--reason", metavar="TEXT", help="Only messages whose reason contains this text."),
]
OlderThanOption = Annotated[
    timedelta | None,
    typer.Option("--older-than", parser=read_age, metavar="AGE", help="Only those seen longer ago, such as 12h or 3d."),
]
SinceOption = Annotated[
    datetime | None, typer.Option("--since", parser=read_since, metavar="T", help="Only those seen at T or later.")
]
UntilOption = Annotated[
    datetime | None, typer.Option("--until", parser=read_since, metavar="T", help="Only those seen before T.")
]
ByOption = Annotated[
    str | None,
    typer.Option("--by", metavar="FIELDS", help=f"Count them by some of {', '.join(GROUPED_BY)}."),
]


Chosen = Callable[[datetime], DeadLetterFilter]
"""The filter that the options of a command make, by the clock (UTC)."""


def with_letter_filter(
    *, matching: Any = MatchingOption, verdicts: bool = True
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Give a command the options that choose letters, in place of its parameter `chosen`, which is a `Chosen`.

    `matching` is the option for a part of the reason. Without `verdicts`, the command has no --verdict.
    """
    options = {
        "subject": SubjectOption,
        "source": SourceOption,
        "type_": TypeOption,
        "matching": matching,
        "topic": TopicOption,
        **({"verdict": VerdictOption} if verdicts else {}),
        "older_than": OlderThanOption,
        "since": SinceOption,
        "until": UntilOption,
    }
    own = [Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=option) for name, option in options.items()]

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @wraps(command)
        def with_options(**given: Any) -> None:
            command(chosen=partial(_chosen_by, **{name: given.pop(name) for name in options}), **given)

        # Typer reads the options from the signature.
        parameters = signature(command).parameters.values()
        keyword_only = [
            each
            for parameter in parameters
            for each in (own if parameter.name == "chosen" else [parameter.replace(kind=Parameter.KEYWORD_ONLY)])
        ]
        with_options.__signature__ = Signature(keyword_only)  # type: ignore[attr-defined]
        return with_options

    return decorate


def _chosen_by(
    now: datetime,
    *,
    subject: str | None,
    source: str | None,
    type_: str | None,
    matching: str | None,
    topic: str | None,
    older_than: timedelta | None,
    since: datetime | None,
    until: datetime | None,
    verdict: DeadVerdict | None = None,
) -> DeadLetterFilter:
    """The filter that these options make; of --until and --older-than, the earlier instant counts."""
    return DeadLetterFilter(
        subject=subject,
        source=source,
        type=type_,
        reason=matching,
        topic=topic,
        verdict=None if verdict is None else verdict.value,
        since=since,
        until=until,
    ).before(None if older_than is None else now - older_than)


def expect_known_names(waybill: Waybill, wanted: DeadLetterFilter, found: Sequence[UntakenMessage]) -> None:
    """Where nothing was found, raise an error if the filter names what the store does not know.

    Raises UnknownNameError, and BadParameter for a message type that is none.
    """
    if found:
        return
    try:
        expect_letter_names(waybill, wanted)
    except UnknownTypeError as e:
        raise typer.BadParameter(str(e), param_hint="--type") from None


_OPTIONS = {"reason": "matching"}
"""Where an option is not called as its field of the filter is."""


def as_options(wanted: DeadLetterFilter) -> list[str]:
    """The options that make this filter."""
    options = []
    for name, value in wanted._asdict().items():
        if value is not None:
            said = instant_text(value) if isinstance(value, datetime) else str(value)
            options.append(f"--{_OPTIONS.get(name, name)} {shlex.quote(said)}")
    return options


def show_groups(
    letters: Iterable[UntakenMessage],
    by: Sequence[str],
    form: Format,
    limit: int | None,
    title: str,
    choice: ColumnChoice = NO_CHOICE,
    *,
    empty: str = "none",
) -> None:
    """Print the groups; the footer says how many letters they have."""
    groups = group_letters(letters, by)
    total = sum(group.letters for group in groups)
    shown = groups[:limit]
    of = f"{len(shown)} of {len(groups)}" if len(shown) < len(groups) else str(len(groups))
    told = f"{total} in {of} group{'' if of == '1' else 's'}"
    columns = columns_of_groups(by)
    rows = [group.row(by) for group in shown]
    if form is Format.TABLE:
        if choice.names is None:
            columns.remove("example_reason")
        # The beginning of an id is enough; a whole SHA-256 would leave no room for the reason.
        rows = [{**row, "example": beginning(row["example"])} for row in rows]
    show_rows(
        columns,
        rows,
        form,
        title=title,
        footer=f"{told}; an example whole: waybill dead-letters show EXAMPLE" if groups else "",
        empty=empty,
        importance=(*by, "letters", "example"),
        choice=choice,
    )


def columns_of_groups(by: Sequence[str]) -> list[str]:
    """The columns of groups that have these fields in common."""
    return [*by, *LetterGroup._fields[1:]]


def beginning(letter_id: str) -> str:
    """What a table shows of a letter's id: every command takes it for the whole."""
    return letter_id[:16] if len(letter_id) == SHA256_DIGITS else letter_id
