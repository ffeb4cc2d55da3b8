"""Checks log events against the declarations: an undeclared event, level or field is an error in the code."""

from structlog.typing import EventDict

from infra.telemetry.events import EVENTS

# Added to every line by structlog's processors, or by its own keywords.
OF_EVERY_LINE = frozenset({"event", "level", "timestamp", "exc_info", "exception", "stack_info"})


class UndeclaredError(Exception):
    """Something was logged that infra/telemetry/events.py does not declare."""


def check_declared(_: object, level: str, line: EventDict) -> EventDict:
    """A structlog processor that returns the line as it is. Raises UndeclaredError."""
    name = line["event"]
    declared = EVENTS.get(name)
    if declared is None:
        raise UndeclaredError(f"log event {name!r} is not declared: add it to infra/telemetry/events.py")
    if level != declared.level:
        raise UndeclaredError(f"log event {name!r} is declared with level {declared.level}, but is logged as {level}")
    if undeclared := line.keys() - OF_EVERY_LINE - set(declared.fields):
        raise UndeclaredError(
            f"log event {name!r} has no field {', '.join(sorted(undeclared))}: add it in infra/telemetry/events.py"
        )
    return line
