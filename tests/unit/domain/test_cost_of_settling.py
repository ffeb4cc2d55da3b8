"""One order must not stop the rest: what settling costs grows with the facts, not with lines times shipments.

Steps of the interpreter are counted, not time, so that the machine and its load make no difference.
"""

import sys
from collections.abc import Sequence
from types import FrameType
from typing import Any

from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import Settling, settle
from domain.verdict import Verdict
from tests.unit.domain.facts import booked, delivered, dispatched, placed, shipment_cancelled


def steps_of_settling(facts: Sequence[Fact]) -> tuple[int, Settling[Any]]:
    """How many instructions of the domain's code run, and the settling."""
    steps = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal steps
        if event == "call":
            frame.f_trace_opcodes = True
            frame.f_trace_lines = False
        elif event == "opcode":
            steps += 1
        return trace

    before = sys.gettrace()
    # Python 3.12 tells of instructions only if some frame has asked for them before tracing begins.
    sys._getframe().f_trace_opcodes = True
    sys.settrace(trace)
    try:
        settling = settle(ORDER.decider, "SO-1", facts)
    finally:
        sys.settrace(before)
    return steps, settling


def many_lines_and_shipments(size: int) -> list[Fact]:
    """An order of so many lines; each shipment takes one piece of one line, and all of them arrive."""
    facts: list[Fact] = [placed(8, dict.fromkeys(range(size), 2), promised_by=9000)]
    for number in range(2 * size):
        shipment, hour = f"S-{number}", 9 + number
        facts.append(booked(hour, shipment, {number % size: 1}, estimate=8000 - number))
        facts.append(dispatched(3000 + number, shipment))
        facts.append(delivered(6000 + number, shipment))
    return facts


def swaps_at_one_instant(count: int) -> list[Fact]:
    """The whole order is booked, cancelled and booked again, over and over, all at one instant."""
    facts: list[Fact] = [placed(8, {1: 10}), booked(9, "S-0000")]
    for number in range(count):
        facts.append(shipment_cancelled(24, f"S-{number:04}"))
        facts.append(booked(24, f"S-{number + 1:04}"))
    return facts


def test_twice_the_lines_and_shipments_cost_twice_as_much() -> None:
    once, small = steps_of_settling(many_lines_and_shipments(25))
    twice, large = steps_of_settling(many_lines_and_shipments(50))
    for settling in (small, large):
        assert {outcome.verdict for outcome in settling.outcomes.values()} == {Verdict.APPLIED}
        assert settling.moments[-1].summary.status == "delivered"
    assert twice < 2.2 * once


def test_twice_the_swaps_at_one_instant_cost_at_most_four_times_as_much_and_little_each() -> None:
    """Each swap has every booking that waits for its turn tried again; a trial is a few steps."""
    once, _ = steps_of_settling(swaps_at_one_instant(20))
    twice, settling = steps_of_settling(swaps_at_one_instant(40))
    assert {outcome.verdict for outcome in settling.outcomes.values()} == {Verdict.APPLIED}
    assert twice < 4 * once
    assert twice < 40 * 40 * 300
