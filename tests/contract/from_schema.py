"""Messages made from a JSON Schema alone: by its keywords, without a look at the models behind it.

It knows the keywords that `waybill schema` uses. What it draws is checked with the schema's validator, so that what
keywords say together (`contains`, `not`, `oneOf`) holds as well.
"""

from collections.abc import Callable, Mapping, Set
from typing import Any

from hypothesis import strategies as st
from jsonschema import Draft202012Validator

Schema = Mapping[str, Any]
FORMATS = {"iana-time-zone": st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"])}
"""Formats whose values no pattern tells."""


def messages_of(schema: Schema) -> st.SearchStrategy[Any]:
    """JSON that the schema allows."""
    return _values(schema, schema).filter(Draft202012Validator(schema).is_valid)


def _values(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    if "$ref" in schema:
        target: Any = root
        for step in schema["$ref"].removeprefix("#/").split("/"):
            target = target[step]
        return _values(target, root)
    if "const" in schema:
        return st.just(schema["const"])
    if "enum" in schema:
        return st.sampled_from(schema["enum"])
    if "type" not in schema:
        return st.one_of([_values(option, root) for option in schema["anyOf"]])
    return _OF_TYPE[schema["type"]](schema, root)


def _strings(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    if schema.get("format") in FORMATS:
        return FORMATS[schema["format"]]
    drawn = st.from_regex(schema["pattern"]) if "pattern" in schema else st.text()
    longest = schema.get("maxLength")
    return drawn if longest is None else drawn.map(lambda text: text[:longest])


def _numbers(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    least = schema.get("minimum", schema.get("exclusiveMinimum"))
    most = schema.get("maximum", schema.get("exclusiveMaximum"))
    whole = st.integers(None if least is None else int(least), None if most is None else int(most))
    if schema["type"] == "integer":
        return whole | whole.map(float)
    return (
        whole
        | st.floats(least, most, allow_nan=False, allow_infinity=False)
        | st.decimals(0, 10**6, places=2).map(float)
    )


def _arrays(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    return st.lists(_values(schema["items"], root), min_size=schema.get("minItems", 0), max_size=3)


def _objects(schema: Schema, root: Schema) -> st.SearchStrategy[Any]:
    fields = {name: field for name, field in schema["properties"].items() if "not" not in field}
    required = set(schema.get("required", ()))
    unknown = st.sampled_from(["unheard_of", "ümlaut", "x.y"])
    more = st.dictionaries(unknown, st.none() | st.integers() | st.text("ab"), max_size=1)
    if "oneOf" in schema:
        named = [set(option["required"]) for option in schema["oneOf"]]
        every = set().union(*named)
        return st.one_of(
            [
                _fields(
                    {name: f for name, f in fields.items() if name not in every - only}, required | only, root, more
                )
                for only in named
            ]
        )
    return _fields(fields, required, root, more)


def _fields(fields: Schema, required: Set[str], root: Schema, more: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.builds(
        lambda said, beside: {**beside, **said},
        st.fixed_dictionaries(
            {name: _values(field, root) for name, field in fields.items() if name in required},
            optional={name: _values(field, root) for name, field in fields.items() if name not in required},
        ),
        more,
    )


_OF_TYPE: Mapping[str, Callable[[Schema, Schema], st.SearchStrategy[Any]]] = {
    "string": _strings,
    "number": _numbers,
    "integer": _numbers,
    "array": _arrays,
    "object": _objects,
    "boolean": lambda schema, root: st.booleans(),
    "null": lambda schema, root: st.none(),
}
