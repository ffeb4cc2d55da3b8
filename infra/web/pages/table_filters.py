"""The filters of a table page: as the address has them, as a form asks for them, and as chips that take them away.

An address has `column=value` (an empty value is null), `min.column` and `max.column` (infra/queries/view_pages.py).
A form cannot leave out its empty fields, so it sends them marked with `form`, and is answered with the clean address:
a plain field counts if it is not empty, and the value of an `is.` field follows an "=", which tells null from nothing.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import urlencode

from starlette.datastructures import QueryParams

from infra.queries.names import Names
from infra.queries.view_filters import MAX, MIN
from infra.web.pages.table_page import ALL_OF, Filter, Table, Widget, heading
from infra.web.pages.words import plain_words
from projections.views.catalogue import View

FORM = "form"
IS = "is."
ANY = ""
"""The choice of a form that asks for nothing."""
DIFFERING = "differing"
"""`differing=only`: only the rows of the page that read differently as known today."""
KEPT = ("as_of", "known_at", "sort", "limit", "columns", DIFFERING)
"""The parameters of a page that are no filters, and stay when filters change."""
NOT_FILTERS = (*KEPT, "cursor", FORM)

Pairs = Sequence[tuple[str, str]]


class Chip(NamedTuple):
    """A filter in force, and the address without it."""

    text: str
    link: str


class Choice(NamedTuple):
    value: str
    text: str
    chosen: bool


class Field(NamedTuple):
    """A field of the form. `kind`: choice, text, number, or dates, which has `ends`; `near` are values to suggest."""

    name: str
    label: str
    kind: str
    value: str = ""
    choices: Sequence[Choice] = ()
    near: Sequence[str] = ()
    ends: Sequence["Field"] = ()


class FilterForm(NamedTuple):
    """`hidden` are the filters in force that no field shows; the form keeps them."""

    fields: Sequence[Field]
    hidden: Pairs


def filters_of(query: QueryParams) -> dict[str, list[str]]:
    """The filters in an address, by name."""
    found: dict[str, list[str]] = {}
    for name, value in query.multi_items():
        if name not in NOT_FILTERS:
            found.setdefault(name, []).append(value)
    return found


def clean_address(path: str, query: QueryParams) -> str:
    """The address that a sent form means."""
    pairs = []
    for name, value in query.multi_items():
        if name in ("cursor", FORM):
            continue
        if name.startswith(IS):
            if value != ANY:
                pairs.append((name.removeprefix(IS), value.removeprefix("=")))
        elif value.strip():
            pairs.append((name, value.strip()))
    return address(path, pairs)


def address(path: str, pairs: Pairs) -> str:
    return f"{path}?{urlencode(pairs)}" if pairs else path


def kept_pairs(query: QueryParams) -> Pairs:
    """The clocks and what else is no filter."""
    return [pair for pair in query.multi_items() if pair[0] in KEPT and pair[1]]


def chips(path: str, query: QueryParams, table: Table, view: View, names: Names) -> list[Chip]:
    """One for each filter value in force, in the order of the address."""
    pairs = [pair for pair in query.multi_items() if pair[0] not in ("cursor", FORM)]
    nulls = {one.column: one.null for one in table.filters if one.null}
    found = []
    for place, (name, value) in enumerate(pairs):
        if name in KEPT:
            continue
        link = address(path, [*pairs[:place], *pairs[place + 1 :]])
        found.append(Chip(_told(name, value, table, view, names, nulls), link))
    return found


def _told(name: str, value: str, table: Table, view: View, names: Names, nulls: Mapping[str, str]) -> str:
    limit = name[: len(MIN)] if name.startswith((MIN, MAX)) else ""
    column = name.removeprefix(limit)
    label = heading(table, column) if column in view.columns else column
    if limit:
        dated = column in view.columns and view.described[column].type.name == "INSTANT"
        words = ("from", "before") if dated else ("at least", "less than")
        return f"{label} {words[limit == MAX]} {value}"
    if not value:
        return f"{label}: {nulls.get(column, 'nothing')}"
    return f"{label}: {_value_text(column, value, names)}"


def _value_text(column: str, value: str, names: Names) -> str:
    if column == "rep_id":
        return names.reps.get(value, value)
    if column == "account_id":
        return names.accounts.get(value, value)
    if value in ALL_OF.get(column, ()):
        return plain_words(value)
    return {"true": "yes", "false": "no"}.get(value, value)


def filter_form(
    query: QueryParams, table: Table, names: Names, near: Mapping[str, Sequence[str]] | None = None
) -> FilterForm:
    """The form with the filters in force. `near` has values to suggest, by column."""
    filters = filters_of(query)
    fields: list[Field] = []
    shown: set[str] = set()
    for one in table.filters:
        field = _field(one, heading(table, one.column), filters, names, near or {})
        ends = [end for end in field.ends or [field] if _shows(end, filters.get(end.name.removeprefix(IS), []))]
        if ends:
            fields.append(field._replace(ends=ends) if field.ends else field)
            shown.update(end.name.removeprefix(IS) for end in ends)
    hidden = [(f"{IS}{name}", f"={value}") for name, values in filters.items() if name not in shown for value in values]
    return FilterForm(fields, [*kept_pairs(query), *hidden])


def _shows(field: Field, values: Sequence[str]) -> bool:
    """Whether the field can show these values; else the form keeps them, and their chips take them away."""
    if not values:
        return True
    return len(values) == 1 and (field.kind == "choice" or (field.value == values[0] and values[0] != ""))


def _field(
    one: Filter, label: str, filters: Mapping[str, Sequence[str]], names: Names, near: Mapping[str, Sequence[str]]
) -> Field:
    def first(name: str) -> str:
        return next(iter(filters.get(name, ())), "")

    if one.widget is Widget.DATES:
        ends = [
            Field(f"{limit}{one.column}", word, "date", _date(first(f"{limit}{one.column}")))
            for limit, word in ((MIN, "from"), (MAX, "before"))
        ]
        return Field("", label, "dates", ends=ends)
    if one.widget is Widget.LEAST:
        name = f"{MIN}{one.column}"
        return Field(name, f"{label}, at least", "number", first(name))
    if one.widget is Widget.TEXT:
        return Field(one.column, label, "text", first(one.column), near=near.get(one.column, ()))
    values: Sequence[tuple[str, str]]
    if one.widget is Widget.REP:
        known = {rep.rep_id for rep in (*names.registered, *names.left)}
        values = [(rep.rep_id, rep.name) for rep in names.registered]
        values += [(rep.rep_id, f"{rep.name} (has left)") for rep in names.left]
        # Work may be with somebody who was never registered.
        values += [(rep_id, rep_id) for rep_id in near.get(one.column, ()) if rep_id not in known]
    elif one.widget is Widget.YES_NO:
        values = [("true", "yes"), ("false", "no")]
    else:
        values = [(value, plain_words(value)) for value in ALL_OF[one.column]]
    return _choice(one, label, filters.get(one.column, ()), values, names)


def _choice(one: Filter, label: str, given: Sequence[str], values: Sequence[tuple[str, str]], names: Names) -> Field:
    offered = dict(values)
    if one.null is not None:
        offered[""] = one.null
    for value in given:
        offered.setdefault(value, _value_text(one.column, value, names) or "nothing")
    choices = [Choice(ANY, "any", not given)]
    choices += [Choice(f"={value}", text, given[:1] == [value]) for value, text in offered.items()]
    return Field(f"{IS}{one.column}", label, "choice", choices=choices)


def _date(value: str) -> str:
    """What a date field can show."""
    return value if len(value) == 10 and value.count("-") == 2 else ""
