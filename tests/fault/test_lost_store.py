"""given topics that are being filled and a consumer that reads them, when the store is lost in the middle of the load
and an archive that was written meanwhile is restored.

Then the consumer goes on, and everything is as if nothing had been.
"""

import pytest

from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import consumed, made
from tests.runbook.scenes import assert_as_without, publish, says, simulated, until

pytestmark = [pytest.mark.fault, pytest.mark.kafka, pytest.mark.slow]


def test_the_store_is_lost_in_the_middle_of_a_load(waybill: Command, other: Command, topics: Topics) -> None:
    service = made(waybill, topics).with_(WAYBILL_BATCH_MESSAGES="20")
    lines = simulated(60)
    third = len(lines) // 3
    consumer = service.start("consume")
    publish(service, lines[:third])
    until(says("batch_stored", running=consumer), consumer)
    # given an archive of a store that is being written
    sending = service.start("publish", service.file("more.jsonl", *lines[third : 2 * third]), "--as-they-are")
    service("archive", "--to", "archive").done()
    sending.wait().done()
    # when it is lost, with what it has read since
    consumer.kill()
    consumer.wait()
    for left in service.folder.glob("waybill.db*"):
        left.unlink()
    service("restore", "--from", "archive").done()
    publish(service, lines[2 * third :])
    consumed(service, topics)
    # then nothing is lost and nothing is twice
    books = service.ask("status")["books"]
    assert books["received"] == len(lines)
    assert books["duplicate"] == 0
    assert_as_without(service, other, lines)
