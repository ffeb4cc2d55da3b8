"""Ids and names are 1 to 200 characters that CloudEvents allows in a String; texts are any length, without NUL."""

from typing import Any

import pytest

from tests.contract.scenario import given, number, value_in, when_read

ENVELOPE_IDS = ["id", "source", "subject", "correlationid", "causationid"]

IDS = [
    ("order.placed.v1", "data.account_id"),
    ("order.placed.v1", "data.rep_id"),
    ("order.placed.v1", "data.standing_order_id"),
    ("order.placed.v1", "data.lines[1].sku"),
    ("order.amended.v1", "data.lines[0].sku"),
    ("order.reassigned.v1", "data.rep_id"),
    ("expedite.requested.v1", "data.request_id"),
    ("expedite.granted.v1", "data.request_id"),
    ("expedite.declined.v1", "data.request_id"),
    ("customer.informed.v1", "data.request_id"),
    ("shipment.booked.v1", "data.shipment_id"),
    ("shipment.booked.v1", "data.carrier"),
    ("shipment.rebooked.v1", "data.shipment_id"),
    ("shipment.rebooked.v1", "data.carrier"),
    ("shipment.dispatched.v1", "data.shipment_id"),
    ("shipment.delayed.v1", "data.shipment_id"),
    ("shipment.cancelled.v1", "data.shipment_id"),
    ("delivery.attempted.v1", "data.shipment_id"),
    ("delivery.confirmed.v1", "data.shipment_id"),
    ("customer.contacted.v1", "data.rep_id"),
    ("rep.registered.v1", "data.mentor_id"),
    ("rep.changed.v1", "data.mentor_id"),
    ("account.registered.v1", "data.rep_id"),
    ("account.assigned.v1", "data.rep_id"),
    ("standing_order.established.v1", "data.account_id"),
    ("standing_order.established.v1", "data.rep_id"),
    ("standing_order.established.v1", "data.lines[0].sku"),
    ("parcel.dispatched.v1", "data.carrier"),
    ("parcel.delayed.v1", "data.carrier"),
    ("parcel.attempted.v1", "data.carrier"),
    ("parcel.delivered.v1", "data.carrier"),
    ("delivery.confirmed.v1", "data.parcel"),
    ("delivery.returned.v1", "data.shipment_id"),
    ("rep.registered.v1", "data.name"),
    ("rep.changed.v1", "data.name"),
    ("account.registered.v1", "data.name"),
]

TEXTS = [
    ("standing_order.stopped.v1", "data.reason"),
    ("parcel.delayed.v1", "data.reason"),
    ("parcel.attempted.v1", "data.reason"),
    ("parcel.delivered.v1", "data.signed_by"),
    ("order.placed.v1", "data.reference"),
    ("order.amended.v1", "data.reason"),
    ("order.reassigned.v1", "data.reason"),
    ("order.rescheduled.v1", "data.reason"),
    ("order.cancelled.v1", "data.reason"),
    ("expedite.requested.v1", "data.reason"),
    ("expedite.declined.v1", "data.reason"),
    ("customer.informed.v1", "data.channel"),
    ("customer.informed.v1", "data.note"),
    ("shipment.booked.v1", "data.service_level"),
    ("shipment.booked.v1", "data.tracking_number"),
    ("shipment.rebooked.v1", "data.service_level"),
    ("shipment.rebooked.v1", "data.tracking_number"),
    ("shipment.rebooked.v1", "data.reason"),
    ("shipment.delayed.v1", "data.reason"),
    ("shipment.cancelled.v1", "data.reason"),
    ("delivery.attempted.v1", "data.reason"),
    ("delivery.confirmed.v1", "data.signed_by"),
    ("message.voided.v1", "data.reason"),
    ("customer.contacted.v1", "data.note"),
    ("rep.registered.v1", "data.team"),
    ("rep.changed.v1", "data.team"),
    ("account.registered.v1", "data.tier"),
    ("delivery.returned.v1", "data.reason"),
    ("order.reinstated.v1", "data.reason"),
    ("rep.left.v1", "data.reason"),
]

GOOD_IDS = [
    "7",
    "x" * 200,
    "SO 10248/β-ä",
    "注文-1",
    "😀" * 200,
    " ",
    "注文\u30003",  # the blank of Japanese
    "DHL\u00a0Express",  # and of French
    "SO-\u200d5",
    "SO-\u00ad6",
    "\u202eSO-7\u202c",
    "SO\u2028-8",
    "SO-\U0001fae8",  # a face that Unicode has since version 15
    "SO-\u0378",  # and what it may have one day
    "SO-\ue000",  # private use
    "\ufdcf\ufdf0\ufffd\U0001fffd\U0010fffd",
]
_RULE = "must be without control characters, single surrogates and noncharacters"
BAD_IDS = {
    "": "must have 1 to 200 characters",
    "x" * 201: "must have 1 to 200 characters",
    "SO\x0010248": _RULE,
    "SO\n10248": _RULE,
    "SO10248\n": _RULE,
    "SO\x7f10248": _RULE,
    "SO\u009010248": _RULE,
    "SO\u009f": _RULE,
    "SO\ufdd0": _RULE,
    "SO\ufdef": _RULE,
    "SO\uffff": _RULE,
    "SO\U0001fffe": _RULE,
    "SO\U0010ffff": _RULE,
}


@pytest.mark.parametrize(("message_type", "path"), IDS)
def test_an_id_of_1_to_200_characters_that_cloudevents_allows_is_kept_as_it_was_sent(
    message_type: str, path: str
) -> None:
    for good in GOOD_IDS:
        assert value_in(given(message_type).with_(path, good).when_read().fact(), path) == good


def test_the_subject_is_kept_as_it_was_sent_too() -> None:
    for good in GOOD_IDS:
        assert given("order.cancelled.v1").with_("subject", good).when_read().well_formed().subject == good


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\udfff", rb"SO\udc00-1"])
def test_an_id_with_a_single_surrogate_is_malformed(escape: bytes) -> None:
    for path in ("subject", "id", "data.shipment_id"):
        raw = given("shipment.dispatched.v1").with_(path, "HERE").raw().replace(b"HERE", escape)
        when_read(raw).malformed(f"{path}: {_RULE}")


@pytest.mark.parametrize(("message_type", "path"), [*IDS, *(("order.placed.v1", path) for path in ENVELOPE_IDS)])
def test_any_other_id_is_malformed(message_type: str, path: str) -> None:
    for bad, rule in BAD_IDS.items():
        given(message_type).with_(path, bad).when_read().malformed(f"{path}: {rule}, but is ")
    for no_text in (7, number("7.0"), True, ["7"], {"id": "7"}):
        given(message_type).with_(path, no_text).when_read().malformed(f"{path}: must be text, but is ")


def test_the_ids_of_the_envelope_become_those_of_the_fact() -> None:
    found = (
        given("order.cancelled.v1")
        .with_("id", "m-1")
        .with_("source", "urn:feeds:β")
        .with_("subject", "SO-9")
        .with_("correlationid", "call-5")
        .with_("causationid", "m-0")
        .when_read()
        .well_formed()
    )

    assert (found.type, found.subject) == ("order.cancelled.v1", "SO-9")
    assert (found.fact.message_id, found.fact.source) == ("m-1", "urn:feeds:β")
    assert (found.fact.correlation_id, found.fact.causation_id) == ("call-5", "m-0")
    assert (found.fact.originator_id, found.fact.originator_version) == ("", 0)


def test_a_void_names_source_and_id_of_another_message() -> None:
    fact = given("message.voided.v1").with_("data.source", "s-1").with_("data.id", "m-1").when_read().fact()

    assert fact.names == ("s-1", "m-1")
    given("message.voided.v1").with_("data.source", "").when_read().malformed(
        "data.source: must have 1 to 200 characters"
    )
    given("message.voided.v1").without("data.id").when_read().malformed("data.id: must be given, but is missing")


@pytest.mark.parametrize(("message_type", "path"), TEXTS)
def test_a_text_is_anything_without_nul(message_type: str, path: str) -> None:
    for good in ("", "two\nlines\tand \x07", "x" * 5000, "Grüße an 注文 😀", "\u202e"):
        assert value_in(given(message_type).with_(path, good).when_read().fact(), path) == good
    given(message_type).with_(path, "a\0b").when_read().malformed(
        f'{path}: must be without NUL characters, but is "a\\u0000b"'
    )
    given(message_type).with_(path, 5).when_read().malformed(f"{path}: must be text, but is 5")


@pytest.mark.parametrize("escape", [rb"\ud800", rb"\udfff", rb"\ud800x", rb"\ud800\ud800", rb"\udc00\ud800"])
def test_a_single_surrogate_is_malformed(escape: bytes) -> None:
    for field in ("reason", "unheard_of"):
        raw = given("order.cancelled.v1").with_(f"data.{field}", "HERE").raw().replace(b"HERE", escape)
        when_read(raw).malformed(f"data.{field}: must be whole Unicode characters, without single surrogates")


@pytest.mark.parametrize("path", ["unheard_of", "data.unheard_of", "data.unheard_of[1].within"])
def test_nul_is_not_allowed_anywhere_not_even_in_unknown_fields(path: str) -> None:
    first, _, rest = path.partition("[1].")
    value: Any = ["x", {rest: "a\0b"}] if rest else "a\0b"
    given("order.cancelled.v1").with_(first, value).when_read().malformed(f"{path}: must be without NUL characters")


def test_nul_may_stand_in_no_name_either() -> None:
    given("order.cancelled.v1").with_("data.un\0heard", 1).when_read().malformed(
        "data.un\\u0000heard: its name must be without NUL characters"
    )


def test_a_pair_of_surrogates_is_one_character() -> None:
    raw = given("order.cancelled.v1").with_("data.reason", "HERE").raw().replace(b"HERE", rb"\ud83d\ude00")

    assert when_read(raw).fact().reason == "😀"


@pytest.mark.parametrize("message_type", ["order.placed.v1", "parcel.delivered.v1", "message.voided.v1"])
@pytest.mark.parametrize("source", ["urn:waybill:reactor:parcels", "urn:waybill:reactor:"])
def test_a_source_that_is_waybills_own_is_malformed(message_type: str, source: str) -> None:
    reason = given(message_type).with_("source", source).when_read().malformed("is reserved for Waybill's own messages")
    assert reason.startswith("source: must be a name of your own")


@pytest.mark.parametrize("source", ["urn:waybill", "urn:waybill:reactors", "x-urn:waybill:reactor:parcels"])
def test_a_source_that_only_resembles_one_is_an_ordinary_name(source: str) -> None:
    assert given("order.placed.v1").with_("source", source).when_read().fact().source == source
