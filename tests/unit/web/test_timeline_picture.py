"""given the facts of an order, when its timeline is drawn, then these shapes stand at these places."""

from collections.abc import Sequence
from itertools import pairwise

from domain.fact import Fact
from domain.order.kind import ORDER
from domain.settling import settle
from infra.web.pages.timeline_picture import MARGIN, WIDTH, Bar, Mark, Picture, timeline_picture
from infra.web.pages.timeline_symbols import BARS, SYMBOLS, legend_of_bars, legend_of_marks
from tests.unit.domain.facts import (
    booked,
    customer_informed,
    delayed,
    delivered,
    dispatched,
    expedite_declined,
    expedite_requested,
    oclock,
    placed,
    rescheduled,
    returned,
    voided,
)


def picture_of(*facts: Fact, at: float, not_known: Sequence[Fact] = ()) -> Picture:
    picture = timeline_picture(settle(ORDER.decider, "SO-1", facts), facts, oclock(at), not_known)
    assert picture is not None
    return picture


def kinds(picture: Picture) -> list[str]:
    return [mark.kind for mark in picture.marks]


def the_mark(picture: Picture, kind: str) -> Mark:
    (mark,) = (mark for mark in picture.marks if mark.kind == kind)
    return mark


def the_bar(picture: Picture, kind: str) -> Bar:
    (bar,) = (bar for bar in picture.bars if bar.kind == kind)
    return bar


def ends(bar: Bar) -> float:
    return round(bar.x + bar.width, 1)


def test_an_order_without_facts_has_no_picture() -> None:
    assert timeline_picture(settle(ORDER.decider, "SO-1", ()), (), oclock(9)) is None


def test_the_marks_of_a_lane_stand_in_the_order_of_their_instants_between_the_edges() -> None:
    picture = picture_of(placed(8), booked(9), dispatched(10), delayed(11), delivered(12), at=20)

    shipment = [mark for mark in picture.marks if mark.kind in ("booked", "dispatched", "delayed", "delivered")]
    assert [mark.kind for mark in shipment] == ["booked", "dispatched", "delayed", "delivered"]
    assert all(before.x < after.x for before, after in pairwise(shipment))
    assert len({mark.y for mark in shipment}) == 1
    assert all(MARGIN <= mark.x <= WIDTH - MARGIN for mark in picture.marks)


def test_equal_spans_of_time_are_equally_long() -> None:
    picture = picture_of(placed(8, promised_by=14), booked(10, estimate=13), dispatched(12), at=14)

    x = {mark.kind: mark.x for mark in picture.marks}
    assert abs((x["dispatched"] - x["booked"]) - (x["due"] - x["dispatched"])) <= 0.2


def test_a_promise_is_a_bar_until_another_takes_its_place() -> None:
    picture = picture_of(placed(8, promised_by=12), rescheduled(10, promised_by=15), at=14)

    first, second = the_bar(picture, "promise-replaced"), the_bar(picture, "promise")
    assert ends(first) == second.x
    assert first.y < second.y
    assert the_mark(picture, "due-replaced").y == first.y
    assert the_mark(picture, "due").x > ends(second)
    assert "promised by 2 Mar 2026 15:00 UTC" in the_mark(picture, "due").title


def test_the_time_after_a_passed_promise_is_shaded_up_to_the_instant_asked_for() -> None:
    picture = picture_of(placed(8, promised_by=12), at=16)

    (shade,) = picture.shades
    assert (shade.x, round(shade.x + shade.width, 1)) == (the_mark(picture, "due").x, picture.uprights[-1].x)
    assert shade.title == "overdue for 4 h"


def test_an_order_that_came_in_time_has_no_shade() -> None:
    assert not picture_of(placed(8, promised_by=12), booked(9, estimate=11), delivered(11), at=99).shades


def test_a_late_order_is_shaded_until_it_was_complete_whatever_came_back_later() -> None:
    picture = picture_of(placed(8, promised_by=12), booked(9, estimate=11), delivered(14), returned(18), at=99)

    (shade,) = picture.shades
    assert round(shade.x + shade.width, 1) == the_mark(picture, "complete").x
    assert ends(the_bar(picture, "promise")) == the_mark(picture, "complete").x


def test_what_was_known_later_has_a_line_to_when_it_became_known() -> None:
    picture = picture_of(placed(8), booked(9), dispatched(10, recorded=15), at=16)

    (line,) = picture.known_later
    mark = the_mark(picture, "dispatched")
    assert (line.x1, line.y) == (mark.x, mark.y)
    assert line.x2 > line.x1
    assert line.title == "known 5 h later: recorded 2 Mar 2026 15:00 UTC"


def test_what_one_import_recorded_has_no_lines_and_what_came_after_it_has() -> None:
    imported = [placed(8, recorded=90), booked(9, recorded=90.01), dispatched(10, recorded=90)]

    picture = picture_of(*imported, delivered(12, recorded=99), at=100)

    assert [line.title for line in picture.known_later] == ["known 3 d 15 h later: recorded 6 Mar 2026 03:00 UTC"]
    assert picture.imported == (oclock(90), oclock(90.01))
    assert "recorded" not in the_mark(picture, "dispatched").title


def test_estimates_stand_where_the_shipment_was_expected_and_the_latest_differs() -> None:
    picture = picture_of(placed(8), booked(9, estimate=14), delayed(10, estimate=18), at=12)

    before, latest = the_mark(picture, "expected-before"), the_mark(picture, "expected")
    assert before.x < latest.x
    assert before.y == latest.y > the_mark(picture, "delayed").y


def test_an_expedite_lasts_from_request_to_decision_and_the_customer_waits_until_told() -> None:
    picture = picture_of(
        placed(8), expedite_requested(9), expedite_declined(10), customer_informed(12, "expedite"), at=13
    )

    declined, owed = the_bar(picture, "expedite-declined"), the_bar(picture, "owed")
    assert (declined.x, ends(declined)) == (the_mark(picture, "requested").x, the_mark(picture, "declined").x)
    assert (owed.x, ends(owed)) == (the_mark(picture, "declined").x, the_mark(picture, "told").x)


def test_a_voided_fact_and_one_that_waits_stand_apart_with_their_reasons() -> None:
    wrong = booked(9, "S-9")
    picture = picture_of(placed(8), wrong, voided(wrong, 10), dispatched(11, "S-7"), at=12)

    assert "voided: voided by message" in the_mark(picture, "voided").title
    assert "held: shipment S-7 is not known yet" in the_mark(picture, "held").title
    assert "booked" not in kinds(picture)


def test_what_was_not_known_yet_stands_in_a_lane_of_its_own() -> None:
    picture = picture_of(placed(8), booked(9), at=12, not_known=[dispatched(10)])

    assert the_mark(picture, "unknown").x > the_mark(picture, "booked").x
    assert [label.text for label in picture.labels][-1] == "Not yet known"


def test_a_long_time_in_which_nothing_happened_is_drawn_short_and_told() -> None:
    picture = picture_of(placed(8, promised_by=12), booked(9, estimate=11), at=2000)

    (gap,) = picture.breaks
    x = {mark.kind: mark.x for mark in picture.marks}
    assert gap.label == "82 d 20 h"
    assert x["due"] - x["placed"] > WIDTH / 2


def test_ten_thousand_facts_make_no_more_marks_than_fit() -> None:
    facts = [placed(8), booked(9, estimate=5_000)]
    facts += [delayed(10 + number / 10, estimate=5_000 + number) for number in range(2_000)]

    picture = picture_of(*facts, at=300)

    assert len(picture.marks) < 2 * WIDTH
    assert any(" here: " in mark.title for mark in picture.marks)


def test_of_many_shipments_the_first_and_the_last_are_drawn_and_the_others_counted() -> None:
    picture = picture_of(placed(8), *(booked(9, f"S-{number}", lines={1: 1}) for number in range(1, 10)), at=12)

    rows = [label.text for label in picture.labels][2:]
    assert rows[:5] == ["S-1 · DHL", "expected", "3 more …", "S-5 · DHL", "expected"]
    assert rows[-2:] == ["S-9 · DHL", "expected"]


def test_a_shipment_is_named_without_the_order_in_front() -> None:
    picture = picture_of(placed(8), booked(9, "SO-1-S4", carrier="DHL"), at=12)

    assert "S4 · DHL" in [label.text for label in picture.labels]


def test_the_legend_explains_every_sign_that_is_drawn_and_no_other() -> None:
    marks = {kind for kind in SYMBOLS if kind not in ("voided", "returned")}

    said = [word for sign in legend_of_marks(marks) for word in sign.words.split(", ")]

    assert sorted(said) == sorted(SYMBOLS[kind].words for kind in marks)
    assert [sign.words for sign in legend_of_bars(["owed", "owed"])] == ["customer waits for a word"]


def test_every_mark_and_bar_of_a_picture_is_in_its_legend() -> None:
    picture = picture_of(placed(8), booked(9, estimate=12), delayed(10, estimate=20), at=30)

    assert {mark.kind for mark in picture.marks} <= SYMBOLS.keys()
    assert {bar.kind for bar in picture.bars} <= BARS.keys()
    assert len(picture.bar_signs) == len({bar.kind for bar in picture.bars})


def test_a_text_at_an_edge_is_not_cut() -> None:
    picture = picture_of(placed(8), at=30)

    assert [picture.anchor(x) for x in (14.0, 500.0, 986.0)] == ["start", "middle", "end"]
