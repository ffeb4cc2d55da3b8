"""What a filled-in form says: the message to publish, or what is wrong with which field. Pure."""

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple
from urllib.parse import quote
from uuid import UUID

from pydantic import ValidationError

from consumers.contract import CATALOGUE, Malformed, ReadingRules, read_message
from consumers.contract.problems import problems_in
from consumers.contract.writing import instant_text
from consumers.sources.source import RawMessage
from domain.fact import Fact
from infra.web.acting.acts import ActForm
from infra.web.acting.fields import Typed, WrongInputError, one, read_fields, read_when

MESSAGE = "message"
"""The input with the message's id."""
NOT_GIVEN = "must be given"


class Said(NamedTuple):
    """The message that a form says, and the fact that it states."""

    message: RawMessage
    fact: Fact


class Faults(NamedTuple):
    """What is wrong, by field; and with all of it. `lines` are the order lines whose quantities are wrong."""

    fields: Mapping[str, str]
    all: str = ""
    lines: Sequence[str] = ()


def source_of(name: str, bound_to: str | None) -> str:
    """The CloudEvents source of whoever acts: that to which the key is bound, else the desk's of this name."""
    return bound_to or f"/desk/{quote(name, safe='')}"


def message_id_of(typed: Typed) -> str | None:
    """The id that the form carries; None if it is none of ours."""
    try:
        return str(UUID(one(typed, MESSAGE)))
    except ValueError:
        return None


def said_by(
    form: ActForm,
    typed: Typed,
    *,
    order_id: str,
    message_id: str,
    source: str,
    now: datetime,
    rules: ReadingRules,
    correlation_id: str | None,
) -> Said | Faults:
    """The message of a form at `now` (UTC), unless something is wrong with it."""
    data, faults, lines = read_fields(form.asked, typed, changes=form.act.changes)
    time = now
    try:
        happened = read_when(typed, "time")
        if happened is not None:
            if "T" not in happened:
                raise WrongInputError("give the time of day, too, or neither")
            time = datetime.fromisoformat(happened)
    except WrongInputError as error:
        faults = {**faults, "time": str(error)}
    if form.act.changes and not faults and not set(data) - {"shipment_id", "reason"}:
        return Faults({}, "Nothing differs from the booking as it is. Change a field, and send it again.")
    own = {} if form.act.own_id is None else {form.act.own_id: f"R-{message_id[:8]}"}
    document = {
        "specversion": "1.0",
        "id": message_id,
        "source": source,
        "type": form.act.type,
        "time": instant_text(time),
        "subject": order_id,
        **({} if correlation_id is None else {"correlationid": correlation_id}),
        "data": {**form.given, **own, **data},
    }
    try:
        CATALOGUE[form.act.type].check(document)
    except ValidationError as error:
        found = _by_field(form, problems_in(error), lines)
        return Faults({**found.fields, **faults}, found.all)
    if faults:
        return Faults(faults)
    body = json.dumps(document, ensure_ascii=False).encode(errors="surrogatepass")
    read = read_message(body, now, rules)
    if isinstance(read, Malformed):
        return Faults({}, read.reason)
    return Said(RawMessage(0, body), read.fact)


def _by_field(form: ActForm, problems: list[str], lines: object) -> Faults:
    """The contract's problems by the fields of the form; those of no field of it are told of all of it."""
    names = {field.name for field in form.fields}
    fields: dict[str, str] = {}
    rest = []
    for problem in problems:
        path, _, what = problem.partition(": ")
        name = path.removeprefix("data.").partition("[")[0].partition(".")[0]
        if name in names:
            number = path.partition("[")[2].partition("]")[0]
            which = f"line {lines[int(number)]}: " if name == "lines" and number and isinstance(lines, list) else ""
            fields.setdefault(name, which + what)
        else:
            rest.append(problem)
    return Faults(fields, "; ".join(rest))
