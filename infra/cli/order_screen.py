"""An order on a terminal: its state in two columns, its lines and shipments, and what happened, in plain words. Pure.

It says what a reader looks for first; `waybill order ID --wide` has every field and every part.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from rich.text import Text

from domain.verdict import Verdict
from infra.cli.order_words import Happened, follow_up_words, in_plain_words
from infra.cli.tables.cells import RISK, cell, cell_style, is_free_text
from infra.cli.tables.columns import NO_CHOICE
from infra.cli.tables.importance import ORDER_LINES, ORDER_SHIPMENTS, ORDER_UNTAKEN
from infra.cli.tables.layout import AsRecords, Room, laid_out
from infra.cli.tables.records import Field, record_in_two_columns
from infra.queries.orders import OrderAnswer
from projections.order_timeline import TimelineEntry

SAME_AS = {
    "placed_rep_id": "rep_id",
    "delivered_rep_id": "rep_id",
    "original_promised_by": "promised_by",
    "delivered_at": "completed_at",
    "last_delivered_at": "completed_at",
}
"""Fields that say nothing more than another one, where they are equal."""
USUAL: Mapping[str, Any] = {
    "left_to_book": False,
    "expedite": "none",
    "expedites_open": 0,
    "delivery_attempts": 0,
    "short": False,
    "untaken_messages": 0,
    "follow_ups": (),
}
"""Fields that are left out while they have these values."""
TOLD_ELSEWHERE = frozenset({"order_id", "lines", "shipments", "currency"})
"""Fields that the title, the tables below or another field tell."""

LINES_BELOW = 3
"""The lines below an answer: its store, and what the reactors have yet to state."""


class _Part(NamedTuple):
    """A table of the answer. With `needs_title`, its columns do not say what it lists."""

    title: str
    lines: list[Text]
    needs_title: bool = False

    def titled(self) -> list[Text]:
        return [Text(self.title, "bold"), *self.lines] if self.lines else []

    def in_few_lines(self) -> list[Text]:
        """With a title only where one is needed; instants and sentences need no header either."""
        if self.needs_title:
            return self.titled()
        has_header = self.lines and self.lines[0].plain.split() == ["happened", "at", "what"]
        return self.lines[1:] if has_header else self.lines


def order_on_screen(order_id: str, answer: OrderAnswer, room: Room) -> list[Text]:
    """All lines, with a title over each part and a blank line before it if the screen has room for them."""
    state = _state(order_id, answer, room)
    parts = [*_tables(answer, room), _Part("Timeline", timeline_lines(answer, room))]
    all_titled = [state, *(part.titled() for part in parts)]
    fits = sum(map(len, all_titled)) + LINES_BELOW <= room.height
    told = all_titled if fits else [state, *(part.in_few_lines() for part in parts)]
    lines = [line for part in told for line in part]
    if len(lines) + len(told) - 1 + LINES_BELOW <= room.height:
        return [line for number, part in enumerate(told) for line in ([Text()] if number else []) + part]
    return lines


def timeline_lines(answer: OrderAnswer, room: Room, *, with_positions: bool = False) -> list[Text]:
    """When things happened and what, in words; the positions of their events say in which order they came."""
    happened = happened_of(answer)
    rows = [
        {
            "position": entry.position,
            "happened at": entry.took_effect_at or entry.occurred_at or entry.recorded_at,
            "what": in_plain_words(entry, happened.get(_key(entry))),
        }
        for entry in answer.timeline
    ]
    columns = ("happened at", "what")
    return _table(("position", *columns) if with_positions else columns, rows, room)


def happened_of(answer: OrderAnswer) -> Mapping[tuple[str, str, str], Happened]:
    """What took effect, by the event, source and id of its entry in the timeline."""
    found: dict[tuple[str, str, str], Happened] = {}
    if answer.summary is not None:
        # A void is no moment of the order: nothing of it is seen but what is gone.
        for fact in answer.reading.facts:
            found[type(fact).__name__, *fact.key] = Happened(fact, answer.summary)
    for moment in answer.settling.moments:
        if moment.summary is not None:
            found[type(moment.fact).__name__, *moment.fact.key] = Happened(moment.fact, moment.summary)
    applied = {_key(entry) for entry in answer.timeline if entry.verdict == Verdict.APPLIED.value}
    return {key: each for key, each in found.items() if key in applied}


def _key(entry: TimelineEntry) -> tuple[str, str, str]:
    return (entry.event, entry.source, entry.message_id)


def _state(order_id: str, answer: OrderAnswer, room: Room) -> list[Text]:
    fields = answer.fields()
    if fields is None:
        return [Text(f"Order {order_id} is not placed yet", "bold")]
    if fields["currency"]:
        fields |= {name: f"{cell(fields[name])} {fields['currency']}" for name in ("order_value", "open_value")}
    told = [
        Field(name, cell(value), cell_style(name, value), is_free_text(name, [value]))
        if name != "follow_ups"
        else Field(name, "; ".join(map(follow_up_words, value)), RISK, free_text=True)
        for name, value in fields.items()
        if _says_something(name, value, fields)
    ]
    title = Text.assemble((f"Order {order_id}", "bold"), ("  in short; all fields, columns and parts: --wide", "dim"))
    return [title, *record_in_two_columns(told, room.width)]


def _says_something(name: str, value: Any, fields: Mapping[str, Any]) -> bool:
    if value in (None, "", ()) or name in TOLD_ELSEWHERE:
        return False
    if name in SAME_AS and fields[SAME_AS[name]] == value:
        return False
    if name == "open_value" and fields["status"] != "open":
        return False
    return not (name in USUAL and USUAL[name] == value)


def _tables(answer: OrderAnswer, room: Room) -> list[_Part]:
    details = answer.details
    lines = [_line(msgspec.structs.asdict(line), answer) for line in details.lines]
    shipments = [msgspec.structs.asdict(one) for one in details.shipments]
    untaken = [{name: getattr(one, name) for name in ORDER_UNTAKEN} for one in answer.untaken]
    parts = [
        _Part("Lines", _table(ORDER_LINES, lines, room)),
        _Part("Shipments", _table(ORDER_SHIPMENTS, shipments, room)),
        _Part("Messages not taken", _table(ORDER_UNTAKEN, untaken, room), needs_title=True),
    ]
    return [part for part in parts if part.lines]


def _line(line: dict[str, Any], answer: OrderAnswer) -> dict[str, Any]:
    """A line without what all lines have alike: no surplus, no return, the promise of the order."""
    promise = answer.summary.promised_by if answer.summary is not None else None
    own_promise = line["promised_by"] if line["promised_by"] != promise else None
    more = {name: line[name] or None for name in ("over_delivered", "returned")}
    return {**line, **more, "promised_by": own_promise}


def _table(columns: Sequence[str], rows: Sequence[Mapping[str, Any]], room: Room) -> list[Text]:
    if not rows:
        return []
    laid = laid_out(
        columns, rows, room, importance=columns, choice=NO_CHOICE, records=AsRecords.IF_NARROW, lines_of_text=None
    )
    return list(laid.lines)
