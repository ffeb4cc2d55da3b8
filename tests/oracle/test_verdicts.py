"""given orders about which everything was said that can be said, then `settle` and the naive interpreter agree.

Without a store, so that many orders can be tried; WAYBILL_ORACLE_ORDERS says how many.
"""

import os
from collections import defaultdict
from datetime import timedelta

import pytest

from consumers.contract import ReadingRules, WellFormed, read_message
from domain.fact import Fact
from domain.kinds import KIND_OF_TYPE
from domain.order.kind import ORDER
from domain.settling import settle
from tests.oracle.naive import Naive
from tests.oracle.naive_reading import Key
from tests.oracle.wild import INSTANTS, wild_history

ORDERS_A_SEED = 250
SEEDS = max(2, int(os.environ.get("WAYBILL_ORACLE_ORDERS", "0")) // ORDERS_A_SEED)
RULES = ReadingRules(max_bytes=1_000_000, honour_recordedtime=True)
NOW = INSTANTS[-1] + timedelta(days=1)


@pytest.mark.parametrize("seed", range(100, 100 + SEEDS))
def test_every_verdict_of_many_orders(seed: int) -> None:
    lines = wild_history(ORDERS_A_SEED, seed)
    naive = Naive(lines)
    facts: dict[str, dict[Key, Fact]] = defaultdict(dict)
    for line in lines:
        message = read_message(line, NOW, RULES)
        assert isinstance(message, WellFormed), (message, line)
        kind = KIND_OF_TYPE[message.type]
        if message.subject.startswith("SO-") and kind in (ORDER, None):
            facts[message.subject].setdefault((message.subject, *message.fact.key), message.fact)

    expected = naive.verdicts()
    differing = {
        key: (naive.messages[key].type, naive.messages[key].time.isoformat(), outcome, expected[key])
        for subject, told in facts.items()
        for (source, message_id), outcome in settle(ORDER.decider, subject, told.values()).outcomes.items()
        if outcome.verdict.value != expected[key := (subject, source, message_id)]
    }
    assert not differing, f"{len(differing)} of {len(expected)}: (type, time, found, expected)"
