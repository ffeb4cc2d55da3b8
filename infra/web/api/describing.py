"""Parts of the OpenAPI document: parameters, answers and problems, derived from the catalogue of views."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from infra.queries.view_filters import EXAMPLES, MAX, MIN, RANGED
from infra.queries.view_pages import PAGE
from infra.web.api.answers import AS_OF, JSON, POSITION
from infra.web.problems import PROBLEM_JSON
from projections.table import ValueType
from projections.views.catalogue import View, ViewColumn
from projections.views.scorecard_totals import Grouping
from projections.views.variants import scorecard_view, workload_view

Described = dict[int | str, dict[str, Any]]
Schema = dict[str, Any]

INSTANT: Schema = {"type": "string", "format": "date-time"}
EMPTY: Schema = {"type": "string", "maxLength": 0}
TEXT: Schema = {"type": "string", "minLength": 1, "pattern": "^[^\\u0000]*$"}
AMOUNT: Schema = {"type": "string", "pattern": "^-?[0-9]+(\\.[0-9]+)?$"}
_NUMBER: Schema = {"type": "string", "pattern": "^-?[0-9]{1,12}(\\.[0-9]{1,6})?$"}
_VALUES: Mapping[ValueType, Schema] = {
    ValueType.TEXT: {"type": "string"},
    ValueType.WHOLE: {"type": "integer"},
    ValueType.BOOLEAN: {"type": "boolean"},
    ValueType.INSTANT: INSTANT,
    ValueType.AMOUNT: AMOUNT,
    ValueType.DAY: {"type": "string", "format": "date"},
    ValueType.HOURS: AMOUNT,
}
_GIVEN: Mapping[ValueType, Schema] = {
    ValueType.TEXT: TEXT,
    ValueType.WHOLE: {"type": "string", "pattern": "^-?[0-9]{1,18}$"},
    ValueType.BOOLEAN: {"type": "string", "enum": ["true", "false"]},
    ValueType.INSTANT: {"anyOf": [INSTANT, {"type": "string", "format": "date"}]},
    ValueType.AMOUNT: _NUMBER,
    ValueType.HOURS: _NUMBER,
}

_PROBLEMS: Mapping[int, str] = {
    400: "A parameter or the body is wrong; `detail` names it and says how to give it.",
    401: "A key is needed.",
    403: "The key does not have the role.",
    404: "There is nothing of this name.",
    405: "The path has no such method.",
    406: "None of the media types that the client takes is offered.",
    409: "It cannot be done to what is there now.",
    429: "Too many requests; try again after Retry-After.",
    503: "It cannot be answered yet; try again after Retry-After.",
}
RETRY_AFTER = {"Retry-After": {"description": "Seconds to wait.", "schema": {"type": "string"}}}


def problems(*statuses: int) -> Described:
    """The problem answers of a route with these statuses."""
    return problems_saying({status: _PROBLEMS[status] for status in statuses})


def problems_saying(meanings: Mapping[int, str]) -> Described:
    """The problem answers of a route, each with what it means there."""
    return {
        status: {
            "description": meaning,
            "content": {PROBLEM_JSON: {"schema": {"$ref": "#/components/schemas/Problem"}}},
            **({"headers": RETRY_AFTER} if status in (429, 503) else {}),
        }
        for status, meaning in meanings.items()
    }


def json_of(schema: Schema, description: str = "The answer.", **headers: str) -> dict[str, Any]:
    """An answer in JSON; `headers` say what each header means, by its name with underscores."""
    return {
        "description": description,
        "content": {JSON: {"schema": schema}},
        **({"headers": _headers(headers)} if headers else {}),
    }


def _headers(said: Mapping[str, str]) -> dict[str, Any]:
    return {
        name.replace("_", "-"): {"description": meaning, "schema": {"type": "string"}} for name, meaning in said.items()
    }


def nullable(schema: Schema) -> Schema:
    return {"anyOf": [schema, {"type": "null"}]}


def record(properties: Mapping[str, Schema], optional: Sequence[str] = ()) -> Schema:
    """An object with all these properties, and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def parameter(name: str, description: str, schema: Schema, example: Any = None, **more: Any) -> dict[str, Any]:
    """A parameter of the query."""
    shown = {} if example is None else {"example": example}
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema} | shown | more


WHEN: Schema = {"anyOf": [*_GIVEN[ValueType.INSTANT]["anyOf"], EMPTY]}
"""An instant or a date in an address; an empty one is none."""
AGE: Schema = {"type": "string", "pattern": "^[0-9]{1,5}[mhdw]$"}
CLOCKS = (
    parameter(
        "as_of",
        "T: what was true at this instant, however late it was reported. The present unless given.",
        WHEN,
    ),
    parameter(
        "known_at",
        "Count only what the service knew at this instant.",
        WHEN,
    ),
)
FLAG: Schema = {"type": "string", "enum": ["true", "false"]}

PROBLEM_SCHEMA: Schema = {
    "type": "object",
    "description": "Problem details (RFC 9457).",
    "properties": {
        "title": {"type": "string", "description": "The status in words."},
        "status": {"type": "integer", "description": "The HTTP status."},
        "detail": {"type": "string", "description": "What is wrong, in which field, and what to do."},
        "parameter": {"type": "string", "description": "The parameter that is wrong, where it is one."},
    },
    "required": ["title", "status", "detail"],
    "example": {
        "title": "Bad Request",
        "status": 400,
        "detail": "rep: overdue_deliveries has no column 'rep'; did you mean rep_id?",
        "parameter": "rep",
    },
}

VIEW_LIST: Schema = {
    "type": "array",
    "items": record(
        {
            "view": {"type": "string", "description": "Its verb, such as overdue."},
            "relation": {"type": "string", "description": "Its name in plain SQL, such as overdue_deliveries."},
            "description": {"type": "string"},
            "url": {"type": "string"},
            "columns": {
                "type": "array",
                "items": record(
                    {
                        "name": {"type": "string"},
                        "type": {"type": "string", "enum": [one.name.lower() for one in ValueType]},
                        "meaning": {"type": "string"},
                        "key": {"type": "boolean", "description": "Whether it belongs to the key of a row."},
                    }
                ),
            },
        }
    ),
}


class Operation(NamedTuple):
    """What the document says of a view's route."""

    parameters: Sequence[dict[str, Any]]
    responses: Described


def view_operation(view: View, media_types: Sequence[str]) -> Operation:
    """The parameters and answers of GET /v1/views/{view}."""
    columns = _all_columns(view)
    row = record(
        {name: nullable(_value(column)) for name, column in columns.items()},
        optional=[name for name in columns if name not in _always(view)],
    )
    page = record(
        {
            "view": {"type": "string"},
            "as_of": INSTANT | {"description": "T."},
            "known_at": nullable(INSTANT),
            "position": {"type": "integer", "description": "The newest event that the rows reflect."},
            "rows": {"type": "array", "items": row},
            "next": nullable({"type": "string"}) | {"description": "The cursor of the next page; null after the last."},
            "total": {"type": "integer", "description": "How many rows meet the filters, if asked with total=true."},
        },
        optional=["total"],
    )
    answer = json_of(
        page,
        "A page of the view as JSON, or the whole answer as CSV or Parquet.",
        **{
            POSITION: "The position of the newest event that the rows reflect.",
            AS_OF: "T.",
        },
    )
    for media_type in media_types[1:]:
        answer["content"][media_type] = {"schema": {"type": "string"}}
    return Operation([*_of_every_view(view), *_filters(columns)], {200: answer, **problems(400, 406, 503)})


def _always(view: View) -> Sequence[str]:
    """The columns that the view has whatever its options."""
    return view.columns if view.command != "scorecard" else [name for name in view.columns if name != "rep_id"]


def _all_columns(view: View) -> Mapping[str, ViewColumn]:
    """The columns of the view and of its variants."""
    variants = [view]
    if view.command == "scorecard":
        variants += [scorecard_view(by, contacts=True) for by in (None, *Grouping)]
    if view.command == "workload":
        variants.append(workload_view(contacts=True))
    return {name: column for variant in variants for name, column in variant.described.items()}


def _value(column: ViewColumn) -> Schema:
    return _VALUES[column.type] | {"description": column.doc}


def _of_every_view(view: View) -> list[dict[str, Any]]:
    names = "|".join(view.columns)
    return [
        *CLOCKS,
        parameter(
            "sort",
            "Columns to sort by, each with a minus in front for descending; nulls are last. The key follows by itself.",
            {"type": "string", "pattern": f"^-?({names})(,-?({names}))*$"},
            f"-{view.columns[-1]},{view.key[0]}",
        ),
        parameter(
            "limit",
            f"How many rows a page has, {PAGE} unless given; of CSV and Parquet, the first so many of all.",
            {"type": "integer", "minimum": 1, "maximum": 10_000},
        ),
        parameter("cursor", "`next` of the page before, with the same query.", TEXT),
        parameter("total", "Also count the rows that meet the filters.", FLAG),
        parameter(
            "min_position",
            "Answer once the view reflects this position, such as that of a message that was just published.",
            {"type": "integer", "minimum": 0, "maximum": 2**62},
        ),
        parameter(
            "wait",
            "How many seconds to wait for min_position, 10 unless given; then 503.",
            {"type": "integer", "minimum": 0, "maximum": 60},
        ),
        parameter("for_spreadsheets", "Of CSV: no cell begins a formula.", FLAG),
        *(
            [parameter("by", "Sum up the reps of each team or mentor.", {"type": "string", "enum": list(Grouping)})]
            if view.command == "scorecard"
            else []
        ),
        *(
            [parameter("contacts", "Also count contacts by kind, each in a column.", FLAG)]
            if view.command in ("scorecard", "workload")
            else []
        ),
    ]


def _or_empty(given: Schema) -> Schema:
    """The same values, or an empty one."""
    if "enum" in given:
        return given | {"enum": [*given["enum"], ""]}
    if "pattern" not in given:
        return {"anyOf": [*given["anyOf"], EMPTY]}
    return given | {"minLength": 0, "pattern": f"^({given['pattern'][1:-1]})?$"}


def _filters(columns: Mapping[str, ViewColumn]) -> list[dict[str, Any]]:
    found = []
    for column in columns.values():
        example = EXAMPLES[column.type]
        one = _GIVEN[column.type]
        several = _or_empty(one)
        found.append(
            parameter(
                column.name,
                f"{column.doc} Only rows with this value, or one of several; an empty one is null.",
                {"type": "array", "items": several},
                [example],
                style="form",
                explode=True,
            )
        )
        if column.type in RANGED:
            for limit, words in ((MIN, "at least"), (MAX, "less than")):
                said = f"Only rows with {column.name} of {words} this."
                found.append(parameter(limit + column.name, said, one, example))
    return found
