"""The fast path: reads the usual message in one step (printable JSON without escapes and unknown fields).

The pydantic models are the contract. The structs generated from them here decode bytes directly into typed fields in a
fraction of the time, and pass everything except plain text to the models' own check functions. They accept less than
the models, with the same result. Everything else goes to the models, which accept it or say what is wrong.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from datetime import datetime
from decimal import Decimal
from functools import reduce
from operator import or_
from types import NoneType
from typing import Annotated, Any, Literal, NamedTuple, get_args, get_origin

import msgspec
from pydantic import AfterValidator, BaseModel, PlainValidator

from consumers.contract.catalogue import CATALOGUE, ZONE, MessageType
from consumers.contract.envelope import Envelope, check_media_type, check_source
from consumers.contract.lines import LinesOf, OrderLineData, PricedLineData, lines_that_count
from consumers.contract.values import (
    MAX_LINE,
    check_amount,
    check_by_day,
    check_decimal,
    check_from_day,
    check_id,
    check_instant,
    check_text,
    find_forbidden,
)
from domain.derived import RESERVED_SOURCES
from domain.fact import Fact
from domain.ids import MAX_ID_LENGTH
from domain.order.events import LineQuantity, OrderLine

Check = Callable[[Any], Any]

FactMaker = Callable[[Any, Any, datetime, datetime], Fact]

TAG = "type"
"""The attribute by which a message's struct is chosen."""


class FastRead(msgspec.Struct, gc=False):
    """A parsed message: its envelope with checked data, the envelope's two checked instants, and how to make its fact.

    `fact_of` takes the envelope, its data, its time, and the instant of recording.
    """

    type: MessageType
    envelope: Any
    time: datetime
    recordedtime: datetime | None
    fact_of: FactMaker


def read_fast_path(raw: bytes) -> FastRead | None:
    """The message, or None if the models must read it."""
    try:
        # Without forbidden characters and escapes, only the length of an id must be checked. (JSON itself keeps all
        # other control characters of ASCII out of its texts.)
        if b"\\" in raw or b"\x7f" in raw or not (raw.isascii() or _may_be_shown(raw.decode())):
            return None
        envelope: Any = _decode(raw)
        message_type, data, fact_of = _TYPES[type(envelope)]
        if envelope.source.startswith(RESERVED_SOURCES):
            return None
        if envelope.datacontenttype is not None:
            check_media_type(envelope.datacontenttype)
        time, recorded = check_instant(envelope.time), envelope.recordedtime
        if recorded is not None:
            recorded = check_instant(recorded)
        data.check(envelope.data)
        return FastRead(message_type, envelope, time, recorded, fact_of)
    except (ValueError, ArithmeticError, RecursionError):
        return None


def _may_be_shown(text: str) -> bool:
    return text.isprintable() or not find_forbidden(text)


_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_ID_LENGTH)]
_Line = Annotated[int, msgspec.Meta(ge=0, le=MAX_LINE)] | _Id


class _NoShape(Exception):
    """A struct cannot express the model, so only the model reads such messages."""


class _Field(NamedTuple):
    """A field's type in the struct, and the check of its value (skipped for an allowed null)."""

    type: Any
    check: Check | None = None
    nullable: bool = False


class _Shape:
    """The struct of a model, and the checks of its values."""

    def __init__(self, model: type[BaseModel], without: Set[str] = frozenset()):
        if model.__pydantic_decorators__.model_validators:
            raise _NoShape(model)
        fields = {
            name: _field(field.annotation, field.metadata)
            for name, field in model.model_fields.items()
            if name not in without
        }
        self.struct = _struct(model, {name: field.type for name, field in fields.items()})
        self._checks = [(name, f.check, f.nullable) for name, f in fields.items() if f.check is not None]

    def check(self, said: Any) -> None:
        """Check and convert the values of a struct, in place."""
        for name, check, nullable in self._checks:
            value = getattr(said, name)
            if value is not msgspec.UNSET and not (nullable and value is None):
                setattr(said, name, check(value))

    def checked(self, said: Any) -> dict[str, Any]:
        """The checked values by name."""
        self.check(said)
        return msgspec.structs.asdict(said)


def _struct(model: type[BaseModel], types: Mapping[str, Any], tag: str | None = None) -> type[msgspec.Struct]:
    """A struct of the model's fields that have a type here; it refuses all others."""
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
        if isinstance(said, AfterValidator):
            return _checked_after(annotation, said.func)
    if get_origin(annotation) is Annotated:
        inner, *more = get_args(annotation)
        return _field(inner, more)
    if get_origin(annotation) is Literal:
        return _Field(annotation)
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        shape = _Shape(annotation)
        return _Field(shape.struct, shape.checked)
    if get_origin(annotation) is list:
        (of,) = get_args(annotation)
        inside = _field(of)
        if inside.check is not None:
            raise _NoShape(annotation)
        return _Field(list[inside.type])  # type: ignore[name-defined]
    options = [option for option in get_args(annotation) if option is not NoneType]
    if len(options) != 1 or len(options) == len(get_args(annotation)):
        raise _NoShape(annotation)
    field = _field(options[0])
    return _Field(field.type | None if field.type is not Any else Any, field.check, nullable=True)


def _checked_by(check: Any) -> _Field:
    if check in (check_id, check_source):
        return _Field(_Id)
    if check is check_text:
        return _Field(str)
    if check in (check_by_day, check_from_day):
        return _Field(Any, check_instant)  # a date without a time needs a zone
    return _Field(Any, check)


def _checked_after(annotation: Any, check: Any) -> _Field:
    """A check after decoding. Null is left to the models, which may convert it."""
    field = _field(annotation)
    if field.check is not None:
        first = field.check
        return _Field(_without_none(field.type), lambda value: check(first(value)))
    return _Field(_without_none(field.type), check)


def _without_none(annotation: Any) -> Any:
    options = [option for option in get_args(annotation) if option is not NoneType]
    return reduce(or_, options) if NoneType in get_args(annotation) else annotation


def _lines(of: LinesOf) -> _Field:
    if of.model is OrderLineData:
        return _Field(list[_UsualOrderLine], _order_lines)
    if of.model is PricedLineData:
        return _Field(list[_UsualPricedLine], _priced_lines)
    return _Field(list[_UsualLineQuantity], _line_quantities)


class _UsualPricedLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    line: _Line
    quantity: Any
    unit_price: Any
    sku: _Id | None = None
    kind: Literal["goods", "charge"] = "goods"


class _UsualOrderLine(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    line: _Line
    quantity: Any
    unit_price: Any
    sku: _Id | None = None
    kind: Literal["goods", "charge"] = "goods"
    promised_by: Any = None


class _UsualLineQuantity(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    line: _Line
    quantity: Any


def _order_lines(said: Sequence[_UsualOrderLine]) -> Sequence[Any]:
    return lines_that_count(
        tuple(
            [
                OrderLine(
                    str(one.line),
                    one.sku,
                    check_amount(one.quantity),
                    check_amount(one.unit_price) if one.kind == "goods" else check_decimal(one.unit_price),
                    one.kind,
                    None if one.promised_by is None else check_instant(one.promised_by),
                )
                for one in said
            ]
        )
    )


def _priced_lines(said: Sequence[_UsualPricedLine]) -> Sequence[Any]:
    return _order_lines([_UsualOrderLine(one.line, one.quantity, one.unit_price, one.sku, one.kind) for one in said])


def _line_quantities(said: Sequence[_UsualLineQuantity]) -> Sequence[Any]:
    return lines_that_count(tuple([LineQuantity(str(one.line), check_amount(one.quantity)) for one in said]))


def _fact_maker(message_type: MessageType, data: type[msgspec.Struct]) -> FactMaker:
    """It is compiled once, like a named tuple's constructor: half the time of a call with a dictionary of names."""
    said = ", ".join(f"{name}=data.{name}" for name in data.__struct_fields__)
    return eval(  # type: ignore[no-any-return]
        "lambda envelope, data, time, recorded_at: fact(recorded_at=recorded_at, source=envelope.source, "
        "message_id=envelope.id, occurred_at=time, correlation_id=envelope.correlationid, "
        f"causation_id=envelope.causationid, traceparent=envelope.traceparent, {said})",
        {"fact": message_type.fact},
    )


def _types() -> Iterator[tuple[type[msgspec.Struct], tuple[MessageType, _Shape, FactMaker]]]:
    envelope = {
        name: _field(field.annotation, field.metadata).type
        for name, field in Envelope.model_fields.items()
        if name not in (TAG, "data")
    }
    for message_type in CATALOGUE.values():
        with suppress(_NoShape):
            data = _Shape(message_type.data, {ZONE} if message_type.says_zone else frozenset())
            types = {**envelope, "data": data.struct}
            struct = _struct(message_type.message, types, message_type.name)
            yield struct, (message_type, data, _fact_maker(message_type, data.struct))


_TYPES = dict(_types())
_decode = msgspec.json.Decoder(reduce(or_, _TYPES), float_hook=Decimal).decode
