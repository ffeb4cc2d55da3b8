"""When facts can go on top of a settling, and which settlings are remembered for that."""

from domain.fact import Fact
from domain.settling import Settling
from domain.settling_cache import SettlingCache
from domain.stepping import can_be_stepped_on
from domain.streams import settle_stream
from tests.unit.domain.facts import attempted, booked, dispatched, placed, voided

STREAM = "order-SO-1"


def after(*facts: Fact) -> Settling[object]:
    return settle_stream(STREAM, list(facts))


# -- the rule ------------------------------------------------------------------------------------


def test_what_comes_after_all_that_was_taken_can_go_on_top() -> None:
    assert can_be_stepped_on(after(), [placed(8), booked(9)])
    assert can_be_stepped_on(after(placed(8), booked(9)), [dispatched(10), attempted(11)])


def test_nothing_goes_on_top_of_what_waits() -> None:
    waiting = after(placed(8), dispatched(9))
    assert not can_be_stepped_on(waiting, [booked(10)])
    assert not can_be_stepped_on(waiting)


def test_nothing_goes_on_top_where_a_fact_is_a_void() -> None:
    wrong = booked(9)
    amid_voids = after(placed(8), wrong, voided(wrong))
    assert not can_be_stepped_on(amid_voids, [booked(20)])
    assert not can_be_stepped_on(amid_voids)


def test_a_void_never_goes_on_top() -> None:
    wrong = booked(9)
    assert not can_be_stepped_on(after(placed(8), wrong), [voided(wrong, at=20)])
    assert not can_be_stepped_on(after(), [voided(wrong, at=20)])


def test_one_that_is_late_keeps_all_that_come_with_it_from_going_on_top() -> None:
    assert not can_be_stepped_on(after(placed(8), booked(10)), [dispatched(11), attempted(9)])


def test_a_fact_of_the_last_instant_goes_on_top_if_nothing_was_forbidden_at_it() -> None:
    assert can_be_stepped_on(after(placed(8), booked(9)), [dispatched(9)])
    assert can_be_stepped_on(after(placed(8), booked(8.5), booked(9, "S-2")), [attempted(10)])
    assert not can_be_stepped_on(after(placed(8), booked(8.5), booked(9, "S-2")), [attempted(9), attempted(10)])


# -- what is remembered --------------------------------------------------------------------------


def test_a_settling_is_found_by_the_version_that_it_reflects() -> None:
    recent = SettlingCache()
    settling = after(placed(8))
    recent.put(STREAM, 3, settling)

    assert recent.version_of(STREAM) == 3
    assert recent.streams() == {STREAM}
    assert recent.take(STREAM, 3) is settling


def test_a_settling_that_was_taken_out_is_gone_until_its_batch_is_stored() -> None:
    recent = SettlingCache()
    recent.put(STREAM, 3, after())

    recent.take(STREAM, 3)

    assert recent.version_of(STREAM) is None
    assert recent.take(STREAM, 3) is None


def test_a_settling_of_another_version_is_of_no_use() -> None:
    recent = SettlingCache()
    recent.put(STREAM, 3, after())

    assert recent.take(STREAM, 4) is None


def test_a_settling_that_nothing_can_go_on_top_of_is_not_remembered() -> None:
    recent = SettlingCache()
    recent.put(STREAM, 2, after(placed(8), dispatched(9)))

    assert recent.version_of(STREAM) is None


def test_the_longest_untouched_are_forgotten_first() -> None:
    recent = SettlingCache(capacity=1)
    recent.put(STREAM, 3, after())
    recent.put("order-SO-2", 1, after())

    assert recent.streams() == {"order-SO-2"}
