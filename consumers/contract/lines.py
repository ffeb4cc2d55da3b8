"""Lines: of an order, and of what a booking or a delivery takes of them."""

from collections.abc import Callable, Sequence
from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, GetJsonSchemaHandler, TypeAdapter, ValidationError
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema, core_schema

from consumers.contract.wire import Amount, Id, LineNumber, Quantity, WireModel, must_together
from domain.order.events import LineQuantity, OrderLine, as_line

# Checking stops at the first wrong line, since a megabyte of wrong lines would be millions of problems to hold. A
# message of no more lines than this is then checked again for all of them.
MANY_LINES = 500


class OrderLineData(WireModel):
    """One line of an order."""

    line: LineNumber = Field(description="The line's number, unique within the order.")
    sku: Id = Field(description="The stock keeping unit that was ordered.")
    quantity: Quantity = Field(description="How many were ordered.")
    unit_price: Amount = Field(description="The price of one, in the order's currency.")


class LineQuantityData(WireModel):
    """So many of one line of the order."""

    line: LineNumber = Field(description="The number of the order's line.")
    quantity: Quantity = Field(description="How many of that line.")


class LinesOf:
    """Annotates a tuple of the domain's lines with the wire model, of the same fields, that each is read from."""

    def __init__(self, model: type[WireModel], line: type[OrderLine] | type[LineQuantity]) -> None:
        self.model = model
        self.line = line
        self.find_all_problems = TypeAdapter(list[model]).validate_python  # type: ignore[valid-type]

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        line = core_schema.no_info_after_validator_function(self._line, handler.generate_schema(self.model))
        lines = core_schema.tuple_schema([line], variadic_item_index=0, fail_fast=True)
        return core_schema.no_info_wrap_validator_function(self._check, lines)

    def __get_pydantic_json_schema__(self, schema: CoreSchema, handler: GetJsonSchemaHandler) -> JsonSchemaValue:
        return {**handler(schema), "minItems": 1}

    def _check(self, value: Any, until_first_problem: Callable[[Any], Any]) -> Any:
        try:
            lines = until_first_problem(value)
        except ValidationError:
            if isinstance(value, list) and len(value) <= MANY_LINES:
                self.find_all_problems(value)
            raise
        refuse_none_and_repeated(lines)
        return lines

    def _line(self, said: WireModel) -> Any:
        return self.line(**{**said.__dict__, "line": as_line(said.__dict__["line"])})


def refuse_none_and_repeated(lines: Sequence[OrderLine | LineQuantity]) -> None:
    """There must be a line, and no number may stand twice."""
    if len(lines) == 1:
        return
    if not lines:
        raise must_together("have at least one line, but is empty")
    seen: set[str] = set()
    for line in lines:
        if line.line in seen:
            raise must_together(f"have unique line numbers, but {line.line} stands twice")
        seen.add(line.line)


OrderLines = Annotated[tuple[OrderLine, ...], LinesOf(OrderLineData, OrderLine)]
"""All lines of an order: at least one, line numbers unique."""

LineQuantities = Annotated[tuple[LineQuantity, ...], LinesOf(LineQuantityData, LineQuantity)]
"""What is taken of an order's lines: at least one, line numbers unique."""
