"""docs/projections.md shows how to add a view: its code runs."""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[3]
PAGE = (ROOT / "docs" / "projections.md").read_text()

# In a process of its own: the example's table is none of this one's.
RUN = """
import sys
from datetime import UTC, datetime
from types import ModuleType
from sqlalchemy.dialects import postgresql, sqlite

from projections import catalogue
from projections.order_states import load_of, order_states, rep_open_orders
from projections.projection import Settled
from projections.totals import Totals
from tests.unit.domain.facts import *
from tests.unit.domain.specification import SUBJECT_ID, heard

{rows}
module = sys.modules["projections.failed_attempts"] = ModuleType("projections.failed_attempts")
module.attempts = attempts
catalogue.PROJECTIONS += (FAILED_ATTEMPTS,)

from projections.views.as_of import AsOf
from projections.views.catalogue import View
{question}
(view,) = {catalogue}
for as_of in (AsOf.at(datetime(2026, 3, 2, tzinfo=UTC)), AsOf.at(datetime(2026, 3, 2, tzinfo=UTC), present=True)):
    for dialect in (sqlite.dialect(), postgresql.dialect()):
        view.question(as_of).compile(dialect=dialect)
attempts = attempt_rows  # two files of the example are one here, and each has its own `attempts`
{test}
test_an_attempt_counts_for_the_rep_who_held_the_order_then()
{totals}
from projections.order_states import ORDER_STATES
assert totals == ORDER_STATES.totals
"""


def test_the_example_runs_from_the_rows_to_its_test() -> None:
    rows, question, catalogue, test, totals = re.findall(r"```python\n(.*?)```", PAGE, re.S)
    script = RUN.format(rows=rows, question=question, catalogue=catalogue, test=test, totals=totals)
    ran = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
