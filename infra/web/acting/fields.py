"""The fields of acting forms, and what a filled one says to the contract. Pure.

A field has the name that the contract gives it. One that takes several inputs adds a suffix to it, such as
`promised_by_date` and `promised_by_time`. Lines are pairs of the inputs `line` and `quantity`, in the same order.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from consumers.contract.writing import instant_text
from infra.web.deadlines import day_ended_by

Typed = Mapping[str, Sequence[str]]
"""What a form has in its inputs, by the inputs' names."""

ZONE = "zone"
"""The input with the zone of the form's times of day: an IANA name, which a script sets to the viewer's."""
WAS = "_was"
"""The suffix of a hidden input that has what another input had when the form was made."""
LINE, QUANTITY = "line", "quantity"


class Kind(StrEnum):
    """How a field is asked for."""

    TEXT = "text"
    NOTE = "note"
    CHOICE = "choice"
    WHEN = "when"
    """A day, and a time of day if it matters."""
    AMOUNT = "amount"
    LIST = "list"
    LINES = "lines"
    HIDDEN = "hidden"


@dataclass(frozen=True)
class Field:
    """A field of a form. `hint` is text with instants in it; `choices` are values with what people read.

    `suggestions` names a list of the page (`reps`, `carriers`). With `not_about` it says nothing where the field
    `about` has that value, and a script hides it there.
    """

    name: str
    label: str
    kind: Kind = Kind.TEXT
    required: bool = False
    hint: Sequence[str | datetime] = ()
    choices: Sequence[tuple[str, str]] = ()
    suggestions: str = ""
    not_about: str = ""

    @property
    def inputs(self) -> Sequence[str]:
        """The names of its inputs."""
        return {
            Kind.WHEN: (f"{self.name}_date", f"{self.name}_time"),
            Kind.LINES: (LINE, QUANTITY),
        }.get(self.kind, (self.name,))


class WrongInputError(ValueError):
    """A field cannot be read; the message says how to fill it in."""


class ReadFields(NamedTuple):
    """The data for the contract, and what is wrong, by field. `lines` are the lines that the data name, in order."""

    data: Mapping[str, Any]
    faults: Mapping[str, str]
    lines: Sequence[str]


def one(typed: Typed, name: str) -> str:
    """What an input has, without blanks around it."""
    given = typed.get(name, ())
    return given[0].replace("\r\n", "\n").strip() if given else ""


def read_fields(fields: Sequence[Field], typed: Typed, *, changes: bool = False) -> ReadFields:
    """The data that the fields say; empty ones are left out.

    With `changes`, also those that are as they were when the form was made; one that was emptied is None.
    """
    data: dict[str, Any] = {}
    faults: dict[str, str] = {}
    for field in fields:
        if field.not_about and one(typed, "about") == field.not_about:
            continue
        try:
            value = read_field(field, typed)
            if changes and all(name + WAS in typed for name in field.inputs[-1:]):
                if value != (before := read_field(field, before_of(typed))):
                    data[field.name] = value
                if value is None and before is not None and field.required:
                    raise WrongInputError("must be given")
                continue
            if value is not None:
                data[field.name] = value
            elif field.required:
                raise WrongInputError("must be given")
        except WrongInputError as error:
            faults[field.name] = str(error)
    return ReadFields(data, faults, [row[LINE] for row in data.get("lines") or ()])


def before_of(typed: Typed) -> Typed:
    """What the inputs had when the form was made; it was made in UTC."""
    was = {name.removesuffix(WAS): values for name, values in typed.items() if name.endswith(WAS)}
    return {**was, LINE: typed.get(LINE, ()), ZONE: ("UTC",)}


def read_field(field: Field, typed: Typed) -> Any:
    """What a field says, as JSON; None: nothing. Raises WrongInputError."""
    if field.kind is Kind.WHEN:
        return read_when(typed, field.name)
    if field.kind is Kind.LINES:
        return _lines(typed)
    text = one(typed, field.name)
    if field.kind is Kind.LIST:
        return [part for part in (part.strip() for part in text.replace("\n", ",").split(",")) if part] or None
    if text and field.kind is Kind.CHOICE and text not in [value for value, _ in field.choices]:
        raise WrongInputError("choose one of the list")
    return text or None


def read_when(typed: Typed, name: str) -> str | None:
    """A day as YYYY-MM-DD, or with a time of day an instant in UTC. Raises WrongInputError."""
    day, time = one(typed, f"{name}_date"), one(typed, f"{name}_time")
    if not time:
        return day or None
    if not day:
        raise WrongInputError("give the day, too")
    try:
        local = datetime.fromisoformat(f"{day}T{time}")
    except ValueError:
        raise WrongInputError("must be a day such as 2026-03-01 and a time such as 16:30") from None
    if local.tzinfo is not None:
        raise WrongInputError("the time of day must be one such as 16:30")
    zone = one(typed, ZONE) or "UTC"
    try:
        instant = local.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        exists = instant.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == local
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise WrongInputError(f"the time zone {zone[:60]} is not known; load the page again") from None
    except OverflowError:
        raise WrongInputError("must lie within the years 1 to 9999") from None
    if not exists:
        raise WrongInputError(f"{time} does not exist on that day in {zone}: clocks are put forward then")
    return instant_text(instant)


def _lines(typed: Typed) -> list[dict[str, str]] | None:
    lines, quantities = typed.get(LINE, ()), typed.get(QUANTITY, ())
    rows = [
        {LINE: line, QUANTITY: quantity.strip()}
        for line, quantity in zip(lines, quantities, strict=False)
        if not _is_nothing(quantity)
    ]
    if lines and not rows:
        raise WrongInputError("give at least one line a quantity above 0")
    return rows or None


def _is_nothing(quantity: str) -> bool:
    """Whether it is empty or 0. What is no number is left to the contract, which says so."""
    try:
        return not quantity.strip() or Decimal(quantity) == 0
    except InvalidOperation:
        return False


def when_inputs(name: str, instant: datetime | None, zone: str) -> dict[str, list[str]]:
    """The inputs of a WHEN that has this instant, in UTC; a day alone if it is the end of one in the business zone."""
    if instant is None:
        return {f"{name}_date": [""], f"{name}_time": [""]}
    day = day_ended_by(instant, zone)
    if day is not None:
        return {f"{name}_date": [day.isoformat()], f"{name}_time": [""]}
    utc = instant.astimezone(UTC)
    return {f"{name}_date": [utc.date().isoformat()], f"{name}_time": [f"{utc:%H:%M}"]}
