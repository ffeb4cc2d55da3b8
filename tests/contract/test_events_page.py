"""docs/events.md says what is stored and what is logged: every topic, every field, every log event."""

from pathlib import Path

import pytest

import infra.store.events.application  # noqa: F401  (registers every event)
from domain.fact import EVENT_CLASSES, Fact, StreamEvent
from domain.operator.acts import OperatorAct
from infra.telemetry.page import with_events

PAGE = (Path(__file__).parents[2] / "docs" / "events.md").read_text()


def row_of(name: str) -> str:
    (row,) = [line for line in PAGE.splitlines() if line.startswith(f"| `{name}` |")]
    return row


@pytest.mark.parametrize("event_class", EVENT_CLASSES.values(), ids=EVENT_CLASSES.keys())
def test_names_every_stored_event_and_its_fields(event_class: type[StreamEvent]) -> None:
    row = row_of(event_class.TOPIC)
    assert f"| `{event_class.__name__}` |" in row
    said_once = OperatorAct.__struct_fields__ if issubclass(event_class, OperatorAct) else ()
    columns = {"originator_id", "originator_version", *(said_once if event_class is not OperatorAct else ())}
    fields = event_class.DATA_FIELDS if issubclass(event_class, Fact) else event_class.__struct_fields__
    said = row.rstrip(" |").rpartition(" | ")[2]
    assert said == ", ".join(f"`{name}`" for name in fields if name not in columns)


def test_its_tables_of_log_events_are_those_declared() -> None:
    assert with_events(PAGE) == PAGE, "run python -m infra.telemetry"
