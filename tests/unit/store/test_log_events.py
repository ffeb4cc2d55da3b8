"""Every event that the code logs is declared in infra/telemetry/events.py, with its level and its fields."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import NamedTuple

import pytest
import structlog

from infra.telemetry.declared import OF_EVERY_LINE, UndeclaredError, check_declared
from infra.telemetry.events import EVENTS, FIELDS

PACKAGES = ("domain", "projections", "consumers", "infra")
PROGRESS = frozenset(("part", "done", "total"))
LEVELS = {"debug", "info", "warning", "error", "exception", "critical"}


class Call(NamedTuple):
    """A call such as log.info("batch_stored", position=3)."""

    where: str
    event: str
    level: str
    fields: frozenset[str]


@cache
def calls() -> list[Call]:
    return list(_calls())


def _calls() -> Iterator[Call]:
    root = Path(__file__).parents[3]
    for package in PACKAGES:
        for path in sorted((root / package).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS:
                    where = f"{path.relative_to(root)}:{node.lineno}"
                    fields = frozenset(keyword.arg for keyword in node.keywords if keyword.arg is not None)
                    for event in _names(node.args):
                        yield Call(where, event, node.func.attr, fields - OF_EVERY_LINE)
                # infra/telemetry/progress.py logs the event that it is made for.
                elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "ProgressLog":
                    where = f"{path.relative_to(root)}:{node.lineno}"
                    for event in _names(node.args):
                        yield Call(where, event, "info", PROGRESS)


def _names(arguments: list[ast.expr]) -> list[str]:
    """The event's name; a name put together by an f-string stands for each one that is declared and fits it."""
    match arguments:
        case [ast.Constant(value=str(event)), *_]:
            return [event]
        case [ast.JoinedStr(values=[ast.Constant(value=str(beginning)), *_]), *_]:
            return [name for name in EVENTS if name.startswith(beginning)]
        case _:
            return []


def test_the_events_that_are_logged_are_those_declared() -> None:
    assert {call.event for call in calls()} == set(EVENTS)


def test_each_event_is_logged_as_it_is_declared() -> None:
    def as_declared(call: Call) -> bool:
        declared = EVENTS[call.event]
        return call.level == declared.level and call.fields <= set(declared.fields)

    assert [call for call in calls() if not as_declared(call)] == []


def test_every_field_of_an_event_has_a_meaning_and_every_meaning_has_an_event() -> None:
    assert {field for event in EVENTS.values() for field in event.fields} == set(FIELDS)


# -- while tests run, every line is checked ------------------------------------------------------


@pytest.mark.parametrize(
    ("level", "event", "fields", "told"),
    [
        ("info", "something_new", {}, "'something_new' is not declared"),
        ("info", "feed_resumed", {"topic": "orders", "colour": "red"}, "has no field colour"),
        ("warning", "feed_resumed", {"topic": "orders"}, "declared with level info, but is logged as warning"),
    ],
)
def test_what_is_not_declared_is_an_error(level: str, event: str, fields: dict[str, str], told: str) -> None:
    with pytest.raises(UndeclaredError, match=told):
        check_declared(None, level, {"event": event, **fields})


def test_tests_check_each_line_when_it_is_logged() -> None:
    with pytest.raises(UndeclaredError):
        structlog.get_logger().info("something_new")
