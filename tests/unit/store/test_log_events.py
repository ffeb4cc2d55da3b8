"""Every event that the code logs stands in one list, with what it means."""

import ast
from pathlib import Path

from infra.telemetry.logs import LOG_EVENTS

PACKAGES = ("domain", "projections", "consumers", "infra")
LEVELS = {"debug", "info", "warning", "error", "exception"}


def test_what_is_logged_is_what_is_listed() -> None:
    root = Path(__file__).parents[3]
    logged = {
        event
        for package in PACKAGES
        for path in (root / package).rglob("*.py")
        for event in _logged_in(ast.parse(path.read_text(encoding="utf-8")))
    }
    assert logged == set(LOG_EVENTS)


def _logged_in(tree: ast.AST) -> set[str]:
    """First arguments of calls such as log.info("…"); a name put together by an f-string gives one for each verdict."""
    events: set[str] = set()
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in LEVELS):
            continue
        match node.args:
            case [ast.Constant(value=str(event)), *_]:
                events.add(event)
            case [ast.JoinedStr(), *_]:
                events |= {"message_refused", "message_malformed"}
    return events
