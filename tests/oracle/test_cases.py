"""given a desk's week in small (../shared/cases), then the naive interpreter gives the true answer beside it.

What the service answers is compared with the same answers in tests/integration/test_cases.py.
"""

import pytest

from tests.oracle.cases import Case, cases
from tests.oracle.naive import Naive

VIEWS = (
    "overdue",
    "at-risk",
    "late",
    "workload",
    "follow-ups",
    "orders",
    "order-lines",
    "shipments",
    "expedites",
    "carriers",
    "accounts",
)


@pytest.mark.parametrize("case", [case for case in cases() if case is None or case.view in VIEWS], ids=str)
def test_the_naive_interpreter_gives_the_true_answer(case: Case | None) -> None:
    if case is None:
        pytest.skip("there is no folder ../shared/cases")
    naive = Naive(case.lines, clock=case.as_of)

    case.expect(naive.ask(case.view, case.as_of))
