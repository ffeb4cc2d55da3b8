"""What consumers left in a store: every message's verdict, every letter, the books and all views."""

from collections import Counter
from datetime import datetime
from typing import Any

from sqlalchemy import select

from infra.app.container import Waybill
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.queries.views import Asked
from infra.settings import Settings
from infra.store.register.tables import malformed_messages, messages
from projections.views.catalogue import VIEWS
from tests.fault.aftermath import without_receipt

INSTANTS = ("2025-05-20T12:00:00Z", "2025-06-30T16:00:00Z")
TOLD_OF_A_MESSAGE = (
    messages.c.source,
    messages.c.message_id,
    messages.c.subject,
    messages.c.verdict,
    messages.c.reason,
    messages.c.took_effect_at,
    messages.c.voided,
    messages.c.repeats,
    messages.c.differing,
)


def answers_of(store: str) -> dict[str, Any]:
    """All that two readings of the same topics must agree in: not when, in which order and in which feed it came."""
    with Waybill(Settings(store=store)) as service:
        service.project()
        with service.engine.connect() as connection:
            answers: dict[str, Any] = {
                "messages": Counter(tuple(row) for row in connection.execute(select(*TOLD_OF_A_MESSAGE))),
                "letters": Counter(
                    tuple(row)
                    for row in connection.execute(
                        select(
                            malformed_messages.c.letter_id,
                            malformed_messages.c.reason,
                            malformed_messages.c.body,
                            malformed_messages.c.headers,
                        )
                    )
                ),
            }
        answers["books"] = read_status(service).books._asdict()
        for view in VIEWS:
            for instant in INSTANTS:
                answer = service.views.ask(view, Asked(datetime.fromisoformat(instant)))
                answers[f"{view.command} as of {instant}"] = without_receipt(answer.rows)
        findings = verify_store(service).findings
        assert not findings, findings
        return answers


def assert_same_answers(store: str, undisturbed: dict[str, Any]) -> None:
    """Nothing lost, nothing twice."""
    found = answers_of(store)
    for what in ("messages", "letters"):
        lost, new = undisturbed[what] - found[what], found[what] - undisturbed[what]
        assert not lost and not new, f"{what}: lost {list(lost)[:2]}; new {list(new)[:2]}"
    for what, rows in undisturbed.items():
        assert found[what] == rows, f"{what}: {_first_difference(found[what], rows)}"
    assert found.keys() == undisturbed.keys()


def _first_difference(found: Any, expected: Any) -> str:
    if not isinstance(found, list) or len(found) != len(expected):
        return f"{len(found)} instead of {len(expected)}: {str(found)[:400]}"
    return next(f"{one} instead of {other}" for one, other in zip(found, expected, strict=True) if one != other)
