"""given an operator who acts, then the name and the reason are such that others can ask for them."""

import pytest

from tests.integration.command import Command


@pytest.mark.parametrize("name", ["", "  ", " ann", "a\x01b", "x\ny", "n" * 101])
def test_a_name_that_nobody_could_type_is_refused_with_the_fix(waybill: Command, name: str) -> None:
    waybill.ingest()
    waybill("pause", "shipments", "--reason", "a test", "--operator", name).exited(2, "--operator", "such as ann")
    assert not waybill.ask("status")["paused"]


@pytest.mark.parametrize(
    "act",
    [
        ("pause", "shipments"),
        ("reset", "relay.events", "--to", "0"),
        ("dead-letters", "discard", "0"),
        ("void", "order-entry", "OE-1"),
        ("correct", "order-entry", "OE-1", "--set", "data.reference=x"),
    ],
    ids=" ".join,
)
def test_an_empty_reason_is_none(waybill: Command, act: tuple[str, ...]) -> None:
    waybill.ingest()
    waybill(*act, "--reason", " ").exited(2, "must say why", "--reason")
