"""Lines of orders, and line quantities of bookings, deliveries and returns."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    ConfigDict,
    Field,
    GetCoreSchemaHandler,
    GetJsonSchemaHandler,
    TypeAdapter,
    ValidationError,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from consumers.contract.values import (
    AMOUNT_SCHEMA,
    MORE_THAN_0_SCHEMA,
    ByDay,
    Id,
    LineId,
    Price,
    Quantity,
    WireModel,
    must_together,
)
from domain.order.events import LineKind, LineQuantity, OrderLine

# Checking stops at the first wrong line, because a megabyte of wrong lines would give millions of problems. A message
# with no more lines than this is then checked again for all problems.
MANY_LINES = 500

_GOODS: Any = {"not": {"required": ["kind"], "properties": {"kind": {"const": "charge"}}}}
_MORE_THAN_0: Any = {"required": ["quantity"], "properties": {"quantity": MORE_THAN_0_SCHEMA}}

Kind = Annotated[LineKind | None, AfterValidator(lambda kind: kind or "goods")]


# Not as alternatives ("anyOf"): generators of code take them for types of their own.
_GOODS_COST_0_OR_MORE: Any = {"if": _GOODS, "then": {"properties": {"unit_price": AMOUNT_SCHEMA}}}


class PricedLineData(WireModel):
    """One line of every order of a standing order: goods to be delivered, or a charge that is never shipped."""

    model_config = ConfigDict(json_schema_extra=_GOODS_COST_0_OR_MORE)

    line: LineId = Field(description='The id of the line, unique within the order; 1 and "1" are one line.')
    sku: Id | None = Field(None, description="The ordered stock keeping unit.")
    kind: Kind = Field("goods", description="Goods or a charge; default: goods.")
    quantity: Quantity = Field(description="The ordered quantity; a line of 0 is left out.")
    unit_price: Price = Field(
        description="The price of one, in the order's currency; 0 or more for goods, any for a charge."
    )


class OrderLineData(PricedLineData):
    """One line of an order: goods to be delivered, or a charge (freight, a discount) that is never shipped."""

    promised_by: ByDay | None = Field(
        None, description="The instant or day by which this line is promised, if it differs from the order's."
    )


class LineQuantityData(WireModel):
    """A quantity of one line of the order."""

    line: LineId = Field(description="The id of the order line.")
    quantity: Quantity = Field(description="The quantity of that line; a row of 0 is left out.")


class LinesOf:
    """Annotates a tuple of the domain's lines with the wire model that each is read from."""

    def __init__(self, model: type[WireModel], line: type[OrderLine] | type[LineQuantity]) -> None:
        self.model = model
        self.line = line
        built_when_used = ConfigDict(defer_build=True)
        self.find_all_problems = TypeAdapter(list[model], config=built_when_used).validate_python  # type: ignore[valid-type]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        line = core_schema.no_info_after_validator_function(self._line, handler.generate_schema(self.model))
        lines = core_schema.tuple_schema([line], variadic_item_index=0, fail_fast=True)
        return core_schema.no_info_wrap_validator_function(self._check, lines)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        contained = {"allOf": [_MORE_THAN_0, _GOODS]} if self.line is OrderLine else _MORE_THAN_0
        return {**handler(schema), "minItems": 1, "contains": contained}

    def _check(self, value: Any, until_first_problem: Callable[[Any], Any]) -> Any:
        try:
            lines = until_first_problem(value)
        except ValidationError:
            if isinstance(value, list) and len(value) <= MANY_LINES:
                self.find_all_problems(value)
            raise
        return lines_that_count(lines)

    def _line(self, said: WireModel) -> Any:
        return self.line(**said.__dict__)


def lines_that_count(lines: tuple[Any, ...]) -> tuple[Any, ...]:
    """The lines of quantity above 0. At least one is required (of goods, in an order), and none may appear twice."""
    if not lines:
        raise must_together("have at least one line, but is empty")
    for line in lines:
        if not line.quantity:
            lines = tuple([line for line in lines if line.quantity])
            if not lines:
                raise must_together("have at least one line with a quantity of more than 0")
            break
    if type(lines[0]) is OrderLine:
        for line in lines:
            if line.kind == "goods":
                break
        else:
            raise must_together("have at least one line of goods, but has only charges")
    if len(lines) > 1:
        _refuse_repeated(lines)
    return lines


def _refuse_repeated(lines: Sequence[OrderLine | LineQuantity]) -> None:
    seen: set[str] = set()
    for line in lines:
        if line.line in seen:
            raise must_together(
                f"have unique line numbers, but {line.line} appears twice; give each row a line of its own"
            )
        seen.add(line.line)


OrderLines = Annotated[tuple[OrderLine, ...], LinesOf(OrderLineData, OrderLine)]
"""All lines of an order: at least one of goods, each with its own id."""

StandingLines = Annotated[tuple[OrderLine, ...], LinesOf(PricedLineData, OrderLine)]
"""All lines of each order of a standing order: as of an order, without promises of their own."""

LineQuantities = Annotated[tuple[LineQuantity, ...], LinesOf(LineQuantityData, LineQuantity)]
"""Quantities of an order's lines: at least one, each with its own line id."""
