"""What was ignored of a message is kept with it and summed up by type and field."""

import json
from pathlib import Path
from typing import Any

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from infra.queries.messages import IgnoredField
from infra.settings import Settings
from tests.contract.scenario import given


def order(number: int, *ignored: tuple[str, Any]) -> dict[str, Any]:
    message = given("order.placed.v1").with_("id", f"m-{number}").with_("subject", f"SO-{number}")
    for path, value in ignored:
        message = message.with_(f"data.{path}", value)
    return message.message


def test_the_paths_of_ignored_fields_are_named_as_they_were_sent() -> None:
    message = given("order.placed.v1").with_("data.discount_code", None).with_("data.shipment_id", "S-1")
    message = message.with_("data.lines[1].color", "red").with_("data.a\nb", 1)

    assert message.when_read().well_formed().ignored == ("lines[1].color", "discount_code", "shipment_id", "a\\u000ab")


def test_of_very_many_the_first_hundred_are_named_and_the_rest_counted() -> None:
    message = given("order.cancelled.v1")
    for number in range(1_000):
        message.message["data"][f"field_{number}"] = number

    ignored = message.when_read().well_formed().ignored

    assert len(ignored) == 101
    assert (ignored[0], ignored[-1]) == ("field_0", "and 900 more")


def test_a_message_tells_what_was_ignored_and_a_reading_sums_it_up(tmp_path: Path) -> None:
    sent = [
        order(1, ("discount_code", "SPRING"), ("lines[0].color", "red"), ("lines[1].color", "blue")),
        order(2, ("discount_code", "SUMMER")),
        order(3),
        order(1, ("other", "the first to come was kept")),
        order(3, ("other", "the first to come had nothing to ignore")),
    ]
    source = JsonLines.of_bytes("feed", b"\n".join(json.dumps(message).encode() for message in sent))
    with Waybill(Settings(store=f"sqlite:///{tmp_path / 'store.db'}")) as waybill:
        with ingest_source(waybill, source) as report:
            assert report.ignored == [
                IgnoredField("order.placed.v1", "discount_code", 2),
                IgnoredField("order.placed.v1", "lines[].color", 1),
            ]
        told = [waybill.messages.find("order-entry", f"m-{number}")[0].ignored for number in (1, 2, 3)]
    assert told == [("lines[0].color", "lines[1].color", "discount_code"), ("discount_code",), ()]
