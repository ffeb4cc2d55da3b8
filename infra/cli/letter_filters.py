"""The options that choose dead letters or held messages, and grouping."""

import shlex
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated

import typer

from consumers.contract.writing import instant_text
from infra.app.dead_letters.group import GROUPED_BY, LetterGroup, group_letters
from infra.cli.arguments import read_age, read_since
from infra.cli.output import Format, show_rows
from infra.queries.dead_letters import DeadLetterFilter, UntakenMessage

SHA256_DIGITS = 64


class DeadVerdict(StrEnum):
    """The verdicts of dead letters."""

    MALFORMED = "malformed"
    REFUSED = "refused"
    HELD = "held"


def read_by(text: str) -> tuple[str, ...]:
    """Names of fields, separated by commas."""
    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    unknown = [name for name in names if name not in GROUPED_BY]
    if unknown or not names:
        raise typer.BadParameter(f"{text!r} must be some of {', '.join(GROUPED_BY)}, separated by commas")
    return names


TopicOption = Annotated[str | None, typer.Option("--topic", help="Only what came by this topic or file.")]
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


def chosen_by(
    *,
    subject: str | None,
    source: str | None,
    type_: str | None,
    reason: str | None,
    topic: str | None,
    verdict: DeadVerdict | None,
    since: datetime | None,
    until: datetime | None,
    older_than: timedelta | None,
    now: datetime,
) -> DeadLetterFilter:
    """The filter that these options make; of --until and --older-than, the earlier instant counts."""
    ends = [end for end in (until, None if older_than is None else now - older_than) if end is not None]
    return DeadLetterFilter(
        subject=subject,
        source=source,
        type=type_,
        reason=reason,
        topic=topic,
        verdict=None if verdict is None else verdict.value,
        since=since,
        until=min(ends, default=None),
    )


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
    letters: Iterable[UntakenMessage], by: Sequence[str], form: Format, limit: int | None, title: str
) -> None:
    """Print the groups; the footer says how many letters they have."""
    groups = group_letters(letters, by)
    total = sum(group.letters for group in groups)
    shown = groups[:limit]
    of = f"{len(shown)} of {len(groups)}" if len(shown) < len(groups) else str(len(groups))
    columns = [*by, *LetterGroup._fields[1:]]
    rows = [group.row(by) for group in shown]
    if form is Format.TABLE:
        columns.remove("example_reason")
        # The beginning of an id is enough; a whole SHA-256 would leave no room for the reason.
        rows = [{**row, "example": beginning(row["example"])} for row in rows]
    show_rows(
        columns,
        rows,
        form,
        title=title,
        footer=f"{total} in {of} groups; an example whole: waybill dead-letters show EXAMPLE" if groups else "",
        empty="none",
    )


def beginning(letter_id: str) -> str:
    """What a table shows of a letter's id: every command takes it for the whole."""
    return letter_id[:16] if len(letter_id) == SHA256_DIGITS else letter_id
