"""On which topic a message is published."""

import pytest

from consumers.contract import TOPIC_OF_TYPE
from consumers.publish.topic_choice import TopicChoice, claimed


@pytest.mark.parametrize("message_type", [name for name, topics in TOPIC_OF_TYPE.items() if len(topics) == 1])
def test_a_type_has_its_topic(message_type: str) -> None:
    assert (TopicChoice().topic_for(message_type, "S-1"),) == TOPIC_OF_TYPE[message_type]


def test_a_void_follows_its_subject() -> None:
    choice = TopicChoice()
    choice.topic_for("rep.registered.v1", "rep-7")

    assert choice.topic_for("message.voided.v1", "rep-7") == "people"
    assert choice.topic_for("message.voided.v1", "SO-1") == "orders"


@pytest.mark.parametrize("nonsense", [None, 7, ["order.placed.v1"], "order.misplaced.v1"])
def test_what_has_no_known_type_goes_somewhere_too(nonsense: object) -> None:
    assert TopicChoice().topic_for(nonsense, nonsense) == "orders"


@pytest.mark.parametrize("document", [None, [], {}, {"subject": None}, {"subject": ""}, {"subject": "\ud800"}])
def test_what_is_no_text_is_not_claimed(document: object) -> None:
    assert claimed(document, "subject") is None
