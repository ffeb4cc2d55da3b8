"""What the official CloudEvents SDK for Python sends over a real broker is taken, by every binding and encoding."""

import pytest

from tests.contract.sdk_messages import CONTENT_TYPES, ENCODINGS, sdk_messages
from tests.integration.broker import Topics
from tests.integration.command import Command
from tests.integration.topics import Sent, consumed, made, send

pytestmark = pytest.mark.kafka


def test_every_message_of_the_sdk_is_applied_and_by_another_binding_it_is_the_same_message(
    waybill: Command, topics: Topics
) -> None:
    consuming = made(waybill, topics)
    consuming("migrate").done()
    messages = list(sdk_messages())
    send(topics, [Sent("orders", message.value, None, message.headers) for message in messages])

    consumed(consuming, topics)

    books = consuming.ask("status")["books"]
    events = len(CONTENT_TYPES) * len(ENCODINGS)
    again = len(messages) - events
    assert books == {"received": len(messages), "applied": events, "duplicate": again, "held": 0, "dead": 0}
    for content_type in CONTENT_TYPES:
        for encoding in ENCODINGS:
            (told,) = consuming.ask("message", "order-entry", f"{content_type} from {encoding}")
            assert told["repeats"] > 0
            assert told["repeats_with_other_content"] == 0
