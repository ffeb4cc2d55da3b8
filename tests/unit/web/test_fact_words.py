"""given facts and texts about them, then pages write them in words."""

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from infra.web.deadlines import Deadline
from infra.web.pages.fact_words import data_of, event_words, known_later, with_times
from infra.web.pages.field_words import changes_in_words
from infra.web.pages.words import plain_amount
from tests.unit.domain.facts import booked, oclock, rebooked


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("stage: booked", ["stage: booked"]),
        ("a 2026-03-02T09:00:00Z b", ["a ", datetime(2026, 3, 2, 9, tzinfo=UTC), " b"]),
        ("2026-99-99T09:00:00Z", ["2026-99-99T09:00:00Z"]),
        ("", [""]),
    ],
)
def test_instants_in_a_text_become_times(text: str, parts: list[object]) -> None:
    assert with_times(text) == parts


def test_events_have_names_in_words() -> None:
    assert event_words("ShipmentRebooked") == "Shipment rebooked"


def test_the_data_of_a_message_is_what_it_gave_and_not_what_it_left_out() -> None:
    assert dict(data_of(booked(9, lines={1: 4})))["lines"] == ["line 1, quantity 4"]
    assert "carrier" not in dict(data_of(rebooked(9, estimate=12)))


def test_what_is_recorded_within_a_quarter_of_an_hour_is_known_at_once() -> None:
    assert known_later(oclock(9), oclock(9.2)) == ""
    assert known_later(oclock(9), oclock(12)) == "3 h"


def test_quantities_have_no_needless_zeros() -> None:
    assert [plain_amount(Decimal(text)) for text in ("2.500000", "1E+3", "0")] == ["2.5", "1,000", "0"]


def test_what_changed_is_told_in_words() -> None:
    told = changes_in_words("stage: to_book → in_transit; mode: none → in_house; left_to_book: yes → no; note; x")

    assert "".join(str(part) for part in told) == (
        "stage: to book → in transit; mode: none → in-house; still to book: yes → no; note; x"
    )
    (_, _, promise, _) = changes_in_words("promised_by: 2026-03-02T00:00:00Z")
    assert isinstance(promise, Deadline)
