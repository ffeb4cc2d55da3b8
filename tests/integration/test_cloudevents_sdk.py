"""What the official CloudEvents SDK for Python sends over a real broker is taken, by every binding and encoding."""

import pytest

from tests.contract.sdk_messages import sdk_messages
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import Sent, consumed, made, send

pytestmark = pytest.mark.kafka


def test_every_message_of_the_sdk_is_applied(waybill: Command, topics: Topics) -> None:
    consuming = made(waybill, topics)
    messages = list(sdk_messages())
    send(topics, [Sent("orders", message.value, None, message.headers) for message in messages])

    consumed(consuming, topics)

    books = consuming.ask("status")["books"]
    assert books == {"received": len(messages), "applied": len(messages), "duplicate": 0, "held": 0, "dead": 0}
