"""Reasons read again: which fields are at fault, and the shape of a reason, in which only the sender's values are gone.

The reason is what the store keeps of a problem (`consumers.contract.problems` words it), so it is read here and not
validated again: it says what was wrong when the message came, by the contract of that time.
"""

import re
from typing import NamedTuple

# A value of the sender in quotes (with an ellipsis as its end if it was cut): nothing inside it is read. Or the
# beginning of a fault: all of the contract's rules begin with "must".
_VALUE_OR_FAULT = re.compile(
    r"\"(?:[^\"\\…]|\\[^…])*(?:\"|\\?…|$)" r"|(?:^|; )(?P<field>[^\s:;\"]+): (?=(?:its \w+ )?must )", re.DOTALL
)
_FOUND = re.compile(r", but (?:is|has) (?P<found>.*)$", re.DOTALL)
_MORE = re.compile(r"; and (?P<more>\d+) more$")
_NEAREST = re.compile(r", perhaps [^,;]+")
_BYTE = re.compile(r"\(byte \d+\)")
_ROW = re.compile(r"\[\d+\]")
# Reasons of the rules name what they are about, such as "shipment S-1 was cancelled"; ids can have blanks.
_VERB = r"(?:is|was|were|would|does|delivered|of|has)\b"
_NAMED = re.compile(
    r"\b(shipment|request|parcel|order|rep|line|message|sku|shipment_id|request_id|of) "
    rf"(?!which\b|the\b|{_VERB}).+?(?= {_VERB})"
    r"|\b(on shipment) .+$"
)
# Any other value: quoted, or a word with a digit in it that is no type of message.
_VALUE = re.compile(r"\"[^\"]*\"|(?<!\S)(?!\w+\.\w+\.v\d)\S*\d\S*?(?=[,;:.)]?(?:\s|$))")
ANY = "…"


class Fault(NamedTuple):
    """One problem of a malformed message.

    `field` is the path of the field, such as "data.lines[0].quantity"; "message" means all of it. `found` is what was
    there, as the reason shows it; None if the field is missing.
    """

    field: str
    rule: str
    found: str | None


def faults_in(reason: str) -> list[Fault]:
    """The problems that the reason of a malformed message names, which are at most three; none for another reason."""
    return [_fault(field, problem) for field, problem in _problems(reason)[0]]


def problems_by_field(reason: str) -> tuple[list[tuple[str, str]], int]:
    """The same problems as pairs of a field and what is said about it, and how many more there are.

    A reason without fields is about "message".
    """
    problems, more = _problems(reason)
    return (problems, more) if problems else ([("message", reason)], 0)


def _problems(reason: str) -> tuple[list[tuple[str, str]], int]:
    starts = [found for found in _VALUE_OR_FAULT.finditer(reason) if found["field"] is not None]
    more = _MORE.search(reason) if starts else None
    ends = [*(found.start() for found in starts[1:]), len(reason) if more is None else more.start()]
    problems = [(start["field"], reason[start.end() : end]) for start, end in zip(starts, ends, strict=False)]
    return problems, 0 if more is None else int(more["more"])


def without_row_numbers(field: str) -> str:
    """The field of any row: `data.lines[].quantity` for `data.lines[3].quantity`."""
    return _ROW.sub("[]", field)


def shape_of(reason: str) -> str:
    """The reason without the sender's values: reasons of one shape have the same fault.

    "data.lines[3].quantity: must be at least 0, but is -3" has the shape "data.lines[].quantity: must be at least 0";
    "shipment S-1 is not known yet" has "shipment … is not known yet".
    """
    faults = faults_in(reason)
    if not faults:
        named = _NAMED.sub(lambda found: f"{found[1] or found[2]} {ANY}", reason)
        return _VALUE.sub(ANY, named)
    return "; ".join(
        dict.fromkeys(f"{without_row_numbers(fault.field)}: {_shape_of_rule(fault.rule)}" for fault in faults)
    )


def _shape_of_rule(rule: str) -> str:
    return _BYTE.sub(f"(byte {ANY})", _NEAREST.sub("", rule))


def _fault(field: str, said: str) -> Fault:
    found = _FOUND.search(said)
    if found is None:
        return Fault(field, said, None)
    missing = found["found"] == "missing"
    return Fault(field, said[: found.start()], None if missing else found["found"])
