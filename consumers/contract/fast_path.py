"""The usual message, read in one step: a line of printable JSON without escapes that says nothing unheard of.

The pydantic models are the contract. The structs made from them here decode bytes straight into typed fields, at a
fraction of the time, and hand whatever is more than text to the models' own check functions. They take less than the
models do, and read what they take as the models would. What they do not take goes to the models, which accept it or say
what is wrong.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from pydantic import BaseModel, PlainValidator

from consumers.contract.catalogue import CATALOGUE, MessageType
from consumers.contract.envelope import Envelope, check_media_type
from consumers.contract.lines import LinesOf, refuse_none_and_repeated
from consumers.contract.wire import MAX_ID_LENGTH, MAX_LINE, check_id, check_instant, check_line_number, check_text
from domain.order.events import as_line

Check = Callable[[Any], Any]

TAG = "type"
"""The attribute by which a message's struct is chosen."""


class FastRead(NamedTuple):
    """A message that was read: its type, and of its envelope, what is checked: two instants, and the data by the
    event's names."""

    type: MessageType
    envelope: Any
    time: datetime
    recordedtime: datetime | None
    data: dict[str, Any]


def read_fast_path(raw: bytes) -> FastRead | None:
    """The message, or None: the models are to read it."""
    try:
        text = raw.decode()
        # Where everything prints and nothing is escaped, every text prints: only its length is left to check. (JSON
        # itself keeps all other control characters of ASCII out of its texts.)
        if "\\" in text or "\x7f" in text or not (text.isascii() or text.isprintable()):
            return None
        envelope: Any = _decode(raw)
        message_type, data = _TYPES[type(envelope)]
        if envelope.datacontenttype is not None:
            check_media_type(envelope.datacontenttype)
        recorded = envelope.recordedtime
        return FastRead(
            message_type,
            envelope,
            check_instant(envelope.time),
            recorded if recorded is None else check_instant(recorded),
            data.checked(envelope.data),
        )
    except (ValueError, ArithmeticError, RecursionError):
        return None


class _NoShape(Exception):
    """A struct cannot say what the model says; the model alone reads such messages."""


class _Field(NamedTuple):
    """A field's type in the struct, and what is still to be checked of its value, unless it is null where it may be."""

    type: Any
    check: Check | None = None
    nullable: bool = False


class _Shape:
    """What stands for a model: a struct of its fields, and how their values become checked ones."""

    def __init__(self, model: type[BaseModel]):
        if model.__pydantic_decorators__.model_validators:
            raise _NoShape(model)
        fields = {name: _field(field.annotation, field.metadata) for name, field in model.model_fields.items()}
        self.struct = _struct(model, {name: field.type for name, field in fields.items()})
        self._checks = [(name, f.check, f.nullable) for name, f in fields.items() if f.check is not None]

    def checked(self, said: Any) -> dict[str, Any]:
        values = msgspec.structs.asdict(said)
        for name, check, nullable in self._checks:
            value = values[name]
            if value is not msgspec.UNSET and not (nullable and value is None):
                values[name] = check(value)
        return values


def _struct(model: type[BaseModel], types: Mapping[str, Any], tag: str | None = None) -> type[msgspec.Struct]:
    """A struct of those of the model's fields that have a type here; it refuses all others."""
    said = {name: field for name, field in model.model_fields.items() if name in types}
    fields: list[Any] = [
        (name, types[name], *([] if field.is_required() else [field.default])) for name, field in said.items()
    ]
    return msgspec.defstruct(
        model.__name__,
        fields,
        kw_only=True,
        forbid_unknown_fields=True,
        rename={name: field.alias for name, field in said.items() if field.alias},
        tag_field=None if tag is None else TAG,
        tag=tag,
        gc=False,
    )


def _field(annotation: Any, metadata: Sequence[Any] = ()) -> _Field:
    for said in metadata:
        if isinstance(said, PlainValidator):
            return _checked_by(said.func)
        if isinstance(said, LinesOf):
            return _lines(said)
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _field(inner, more)
    if get_origin(annotation) is Literal:
        return _Field(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        shape = _Shape(annotation)
        return _Field(shape.struct, shape.checked)
    options = [option for option in get_args(annotation) if option is not NoneType]
    if len(options) != 1 or len(options) == len(get_args(annotation)):
        raise _NoShape(annotation)
    field = _field(options[0])
    return _Field(field.type | None if field.type is not Any else Any, field.check, nullable=True)


def _checked_by(check: Any) -> _Field:
    if check is check_id:
        return _Field(Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)])
    if check is check_text:
        return _Field(str)
    if check is check_line_number:
        return _Field(Annotated[int, msgspec.Meta(ge=1, le=MAX_LINE)])
    return _Field(Any, check)


def _lines(of: LinesOf) -> _Field:
    fields = {name: _field(field.annotation, field.metadata) for name, field in of.model.model_fields.items()}
    line = _struct(of.model, {name: field.type for name, field in fields.items()})
    checks: list[Any] = [as_line if name == "line" else field.check for name, field in fields.items()]

    def check(said: Sequence[msgspec.Struct]) -> Sequence[Any]:
        lines = tuple(
            [
                of.line(*[v if c is None else c(v) for v, c in zip(msgspec.structs.astuple(one), checks, strict=True)])
                for one in said
            ]
        )
        refuse_none_and_repeated(lines)
        return lines

    return _Field(list[line], check)  # type: ignore[valid-type]


def _types() -> Iterator[tuple[type[msgspec.Struct], tuple[MessageType, _Shape]]]:
    envelope = {
        name: _field(field.annotation, field.metadata).type
        for name, field in Envelope.model_fields.items()
        if name not in (TAG, "data")
    }
    for message_type in CATALOGUE.values():
        with suppress(_NoShape):
            data = _Shape(message_type.data)
            types = {**envelope, "data": data.struct}
            struct = _struct(message_type.message, types, message_type.name)
            yield struct, (message_type, data)


_TYPES = dict(_types())
_decode = msgspec.json.Decoder(reduce(or_, _TYPES), float_hook=Decimal).decode
