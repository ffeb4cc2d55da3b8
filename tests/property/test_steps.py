"""Stepping through any history of an order, by place or as it arrived, is settling ever more of it."""

from typing import Any

import pytest
from hypothesis import given, settings

from domain.fact import Fact, FactKey
from domain.order.kind import ORDER
from domain.settling import settle
from domain.verdict import Outcome
from infra.app.steps import ORDER_PROJECTIONS, Sequencing, Steps
from infra.queries.orders import OrderReading
from infra.queries.views import Asked
from infra.store.events.history import PositionedEvent
from projections.projection import Settled
from tests.property.histories import order_facts

PRESENT = Asked()


@pytest.mark.parametrize("by", Sequencing)
@given(facts=order_facts(max_tellings=2))
@settings(max_examples=40, deadline=None)
def test_all_steps_together_end_at_the_present_order_verdicts_and_rows(by: Sequencing, facts: list[Fact]) -> None:
    events = [PositionedEvent(number, fact) for number, fact in enumerate(facts, 1)]
    steps = Steps(OrderReading("order-SO-1", events, facts, facts), "SO-1", by, PRESENT)
    outcomes: dict[FactKey, Outcome] = {}
    rows: dict[tuple[str, Any], dict[str, Any]] = {}
    fields: dict[str, Any] = {}

    for number in range(1, len(steps) + 1):
        step = steps.step(number)
        if step.outcome is not None:
            outcomes[step.event.key] = step.outcome
        for other in step.others:
            assert other.before == outcomes[other.fact.key]
            assert other.after is not None
            outcomes[other.fact.key] = other.after
        for field in step.fields:
            assert field.before == fields.get(field.name)
            fields[field.name] = field.after
        for effect in step.tables:
            for change in effect.samples:
                row = rows.setdefault((effect.table, change.key), {})
                row.update({column.column: column.after for column in change.columns})
                if change.kind == "gone":
                    del rows[effect.table, change.key]

    present = Settled(ORDER, "SO-1", settle(ORDER.decider, "SO-1", facts))
    assert outcomes == present.settling.outcomes
    assert rows == {
        (table.name, tuple(row[table.names.index(key)] for key in table.key)): dict(zip(table.names, row, strict=True))
        for projection in ORDER_PROJECTIONS
        for name, found in projection.shape(present).items()
        for table in projection.tables
        if table.name == name
        for row in found
    }
    if present.moments and present.moments[-1].summary is not None:
        summary = present.moments[-1].summary
        assert fields == {name: getattr(summary, name) for name in fields}
