"""All messages that Waybill reads and publishes, as one AsyncAPI 3.0.0 document.

`consumers.contract.asyncapi_document` has the contract. This adds the relay's topics with send operations. The examples
are the relay's records for the contract's examples.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from consumers.contract import (
    CATALOGUE,
    EXAMPLES,
    OWN_TYPES,
    TOPICS,
    ReadingRules,
    WellFormed,
    asyncapi_document,
    read_message,
)
from consumers.contract.asyncapi import STRUCTURED
from consumers.contract.claims import Claimed
from consumers.contract.schema import model_schemas
from consumers.contract.topics import DEAD_SUFFIX, EVENTS, VERDICTS
from consumers.ingest.register import MessageKey
from consumers.relay import dead_letter_copies, effects, verdicts
from consumers.relay.effects import Turn
from consumers.relay.envelope import (
    REVERTED,
    VERDICT_CHANGED,
    VERDICT_GIVEN,
    FactRevertedData,
    RelayedAttributes,
    VerdictData,
)
from consumers.relay.verdicts import Told
from consumers.sinks.sink import Record
from domain.derived import STANDING_ORDERS
from domain.events import VerdictChanged
from domain.kinds import KIND_OF_TYPE
from domain.order.kind import ORDER
from domain.standing_order.events import StandingOrderMissed
from domain.standing_order.kind import STANDING_ORDER
from domain.streams import stream_name
from domain.verdict import Verdict

IN_EFFECT = ".in-effect"
"""The suffix of a message type in the name of the record that it took effect."""
DEAD = "dead"

_SOURCE = "waybill"
_RECEIVED_AT = datetime(2026, 7, 31, tzinfo=UTC)
_SCHEMAS = "#/components/schemas/{name}"


def whole_document() -> dict[str, Any]:
    """The whole document, ready for JSON; every $ref in it resolves within it."""
    document = asyncapi_document()
    messages = {**_events(), **_verdicts(), DEAD: _dead_copy()}
    events = [name for name in messages if name.endswith(IN_EFFECT) or name == REVERTED]
    document["channels"] |= {
        EVENTS: _channel(EVENTS, "Facts that take effect and cease to, each stream in its order.", events),
        VERDICTS: _channel(
            VERDICTS,
            "Every verdict on receipt other than applied, every change of one, and applied where a malformed message "
            "is superseded, keyed by the message's source.",
            [VERDICT_GIVEN, VERDICT_CHANGED],
        ),
        DEAD: {
            **_channel(f"{{topic}}{DEAD_SUFFIX}", "Copies of what is dead on a topic, whole if they fit.", [DEAD]),
            "parameters": {"topic": {"enum": list(TOPICS), "description": "The topic that the message came on."}},
        },
    }
    document["operations"] |= {
        f"tell_{name}": _operation(channel, document["channels"][channel])
        for name, channel in (("events", EVENTS), ("verdicts", VERDICTS), ("dead", DEAD))
    }
    document["components"]["messages"] |= messages
    own = [row.data for row in OWN_TYPES.values()]
    document["components"]["schemas"] |= {**model_schemas(own, _SCHEMAS.format(name="{model}")), **_schemas()}
    return document


def _channel(address: str, description: str, messages: list[str]) -> dict[str, Any]:
    return {
        "address": address,
        "description": f"{description} An installation may put a prefix before the topic's name.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in messages},
    }


def _operation(channel: str, described: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "action": "send",
        "channel": {"$ref": f"#/channels/{channel}"},
        "summary": described["description"].partition(". ")[0] + ".",
        "messages": [{"$ref": f"#/channels/{channel}/messages/{name}"} for name in described["messages"]],
    }


def _schemas() -> Mapping[str, Any]:
    _, found = msgspec.json.schema_components([RelayedAttributes, FactRevertedData, VerdictData], ref_template=_SCHEMAS)
    return found


def _events() -> Mapping[str, Any]:
    told = {**{name: _turn(name) for name in EXAMPLES}, StandingOrderMissed.TYPE: _missed()}
    messages = {
        name + IN_EFFECT: _message(
            name,
            f"{row.data.__name__.removesuffix('Data')} took effect",
            f"Took effect: {row.data.__doc__}",
            _relayed(name, row.data.__name__, f"{row.data.__name__.removesuffix('Data')}InEffect"),
            effects.record_of(told[name], EVENTS, _SOURCE),
            "The stream.",
        )
        for name, row in {**CATALOGUE, **OWN_TYPES}.items()
    }
    reverted = told["shipment.booked.v1"]
    change = VerdictChanged(
        recorded_at=_RECEIVED_AT,
        source=reverted.key.source,
        message_id=reverted.key.message_id,
        verdict_before=Verdict.APPLIED,
        verdict=Verdict.REFUSED,
        reason="the order is cancelled",
    )
    turn = reverted._replace(revision=2, event=(reverted.event[0], 9), change=change)
    messages[REVERTED] = _message(
        REVERTED,
        "A fact ceased to be in effect",
        FactRevertedData.__doc__,
        _relayed(REVERTED, FactRevertedData.__name__, "FactReverted"),
        effects.record_of(turn, EVENTS, _SOURCE),
        "The stream.",
    )
    return messages


def _turn(message_type: str) -> Turn:
    """The message of the contract's examples takes effect."""
    rules = ReadingRules(max_bytes=1_048_576)
    read = read_message(msgspec.json.encode(EXAMPLES[message_type]), _RECEIVED_AT, rules)
    assert isinstance(read, WellFormed)
    key = MessageKey(*read.fact.key, read.subject)
    kind = KIND_OF_TYPE[message_type] or ORDER
    return Turn(read.fact, key, (stream_name(kind, read.subject), 1), 1, None)


def _missed() -> Turn:
    """Waybill's own message about a standing order takes effect."""
    fact = StandingOrderMissed(
        occurred_at=_RECEIVED_AT - timedelta(days=1),
        recorded_at=_RECEIVED_AT,
        source=STANDING_ORDERS,
        message_id="missed-12-2026-07-21",
        causation_id="standing_order-established-1",
        due_on=date(2026, 7, 21),
    )
    return Turn(fact, MessageKey(*fact.key, "12"), (stream_name(STANDING_ORDER, "12"), 2), 1, None)


def _relayed(message_type: str, data: str, title: str) -> dict[str, Any]:
    said = {"type": {"const": message_type}, "data": {"$ref": _SCHEMAS.format(name=data)}}
    return {
        "title": title,
        "allOf": [
            {"$ref": _SCHEMAS.format(name="CloudEvent")},
            {"$ref": _SCHEMAS.format(name=RelayedAttributes.__name__)},
            {"type": "object", "properties": said, "required": ["data"]},
        ],
    }


def _verdicts() -> Mapping[str, Any]:
    example = EXAMPLES["shipment.dispatched.v1"]
    key = MessageKey(example["source"], example["id"], example["subject"])
    given = Told(
        key=key,
        named=Claimed(*key, type=example["type"]),
        letter_id="9f86d081884c7d65",
        topic="shipments",
        partition=4,
        offset=1207,
        stream=f"order-{key.subject}",
        version=2,
        before=None,
        verdict=Verdict.HELD,
        reason=f"order {key.subject} is not known yet",
        took_effect_at=None,
        told_at=_RECEIVED_AT,
    )
    took_effect_at = _RECEIVED_AT - timedelta(days=1)
    changed = given._replace(
        letter_id=None,
        version=5,
        before=Verdict.HELD,
        verdict=Verdict.APPLIED,
        reason="",
        took_effect_at=took_effect_at,
    )
    key_is = "The message's source; none when a malformed message names none."
    return {
        name: _message(
            name, title, VerdictData.__doc__, _verdict(name, model), verdicts.record_of(one, VERDICTS, _SOURCE), key_is
        )
        for name, title, model, one in (
            (VERDICT_GIVEN, "A verdict on receipt", "VerdictGiven", given),
            (VERDICT_CHANGED, "A change of a verdict", "VerdictChanged", changed),
        )
    }


def _verdict(message_type: str, title: str) -> dict[str, Any]:
    """As a CloudEvent, but a malformed message may have no subject."""
    attributes = {name: {"type": "string"} for name in ("id", "source", "subject", "factid")}
    return {
        "title": title,
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            **attributes,
            "type": {"const": message_type},
            "time": {"type": "string", "format": "date-time"},
            "data": {"$ref": _SCHEMAS.format(name=VerdictData.__name__)},
        },
        "required": ["specversion", "id", "source", "type", "time", "data"],
    }


def _dead_copy() -> dict[str, Any]:
    ours = {
        "topic": "The topic that it came on.",
        "partition": "Its partition there.",
        "offset": "Its offset there.",
        "verdict": "malformed, refused, or held for one that waited too long.",
        "reason": "Why.",
        "letter_id": "What `waybill dead-letters show` takes.",
        "bytes": "as received, or restated where the store has the event alone.",
    }
    only_if_cut = {dead_letter_copies.WHOLE_BYTES: "Only on a copy that is cut short: how many bytes the value has."}
    headers = {
        dead_letter_copies.OURS + name: {"type": "string", "description": said}
        for name, said in {**ours, **only_if_cut}.items()
    }
    required = [dead_letter_copies.OURS + name for name in ours]
    return {
        "name": DEAD,
        "title": "A copy of a dead message",
        "summary": "The bytes and the headers of a message that is dead now, as far as the topic takes them, and ours.",
        "headers": {"type": "object", "properties": headers, "required": required},
        "payload": {
            "title": "DeadMessage",
            "description": "What its sender sent: anything. Of a copy that is cut short, its beginning.",
        },
        "bindings": _keyed("The subject; none of a malformed message."),
    }


def _message(
    name: str, title: str, summary: str | None, payload: dict[str, Any], example: Record, key: str
) -> dict[str, Any]:
    return {
        "name": name,
        "title": title,
        "summary": summary,
        "contentType": STRUCTURED,
        "payload": payload,
        "bindings": _keyed(key),
        "examples": [{"name": "structured", "payload": msgspec.json.decode(example.value)}],
    }


def _keyed(description: str) -> dict[str, Any]:
    return {"kafka": {"key": {"type": "string", "description": description}, "bindingVersion": "0.5.0"}}
