"""What one JSON Schema allows and another does not, as far as keywords tell: types, values, required fields, bounds.

Patterns and conditions are not compared: tests/contract/test_contract_versions.py reads generated messages for those.
"""

from collections.abc import Iterator, Mapping
from typing import Any

Schema = Mapping[str, Any]

_LEAST = ("minimum", "exclusiveMinimum", "minLength", "minItems")
_MOST = ("maximum", "exclusiveMaximum", "maxLength", "maxItems")


class Compared:
    """Two documents: `before`'s schemas must allow no more than `after`'s.

    With `values` false, `before` may have more values in its enumerations: those that are told may grow.
    """

    def __init__(self, before: Schema, after: Schema, *, values: bool = True):
        self._before, self._after, self._values = before, after, values

    def narrowed(self, before: Schema, after: Schema, path: str) -> Iterator[str]:
        """What fits `before` and does not fit `after`, as sentences that begin with the path of a field."""
        others = _options(after, self._after)
        for option in _options(before, self._before):
            found = [list(self._option(option, other, path)) for other in others if _same_type(option, other)]
            if not found:
                yield f"{path}: {_types(option)} is not allowed any more"
            elif all(found):
                yield from min(found, key=len)

    def _option(self, before: Schema, after: Schema, path: str) -> Iterator[str]:
        if self._values and (allowed := _enumerated(after)) is not None:
            gone = [value for value in _enumerated(before) or ["any other value"] if value not in allowed]
            if gone:
                yield f"{path}: {', '.join(map(str, gone))} is not allowed any more"
        for keyword in (*_LEAST, *_MOST):
            if keyword in after:
                bound = before.get(keyword)
                is_wider = keyword in _LEAST
                if bound is None or (bound < after[keyword] if is_wider else bound > after[keyword]):
                    yield f"{path}: {keyword} {after[keyword]} is narrower than {bound}"
        for name in set(after.get("required", ())) - set(before.get("required", ())):
            yield f"{path}.{name}: is required"
        fields = after.get("properties", {})
        for name, field in before.get("properties", {}).items():
            if name in fields:
                yield from self.narrowed(field, fields[name], f"{path}.{name}")
        if "items" in before and "items" in after:
            yield from self.narrowed(before["items"], after["items"], f"{path}[]")


def missing_fields(before: Schema, after: Schema, of: Schema, among: Schema, path: str) -> Iterator[str]:
    """Fields of `before` (a part of the document `of`) that `after` (a part of `among`) does not know any more."""
    others = _options(after, among)
    for option in _options(before, of):
        known: dict[str, Any] = {}
        for other in others:
            known |= other.get("properties", {})
        for name, field in option.get("properties", {}).items():
            if name not in known:
                yield f"{path}.{name}: is gone"
            else:
                yield from missing_fields(field, known[name], of, among, f"{path}.{name}")
        rows = [other["items"] for other in others if "items" in other]
        if "items" in option and rows:
            yield from missing_fields(option["items"], rows[0], of, among, f"{path}[]")


def _options(schema: Schema, document: Schema) -> list[Schema]:
    """The schema's alternatives, references followed and `allOf` merged."""
    if "$ref" in schema:
        found: Any = document
        for step in schema["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return _options(found, document)
    if "anyOf" in schema and "properties" not in schema:
        return [option for each in schema["anyOf"] for option in _options(each, document)]
    merged: dict[str, Any] = {key: value for key, value in schema.items() if key != "allOf"}
    for part in schema.get("allOf", ()):
        for option in _options(part, document):
            merged = {
                **option,
                **merged,
                "properties": {**option.get("properties", {}), **merged.get("properties", {})},
                "required": [*option.get("required", ()), *merged.get("required", ())],
            }
    return [merged]


def _types(option: Schema) -> str:
    if "type" in option:
        return str(option["type"])
    return "string" if "const" in option or "enum" in option else "object" if "properties" in option else "anything"


def _same_type(before: Schema, after: Schema) -> bool:
    types = (_types(before), _types(after))
    return types[0] == types[1] or types == ("integer", "number") or types[1] == "anything"


def _enumerated(option: Schema) -> list[Any] | None:
    if "const" in option:
        return [option["const"]]
    return option.get("enum")
