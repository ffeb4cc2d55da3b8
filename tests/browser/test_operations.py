"""given a floor with wrong messages, when an engineer is called, then the pages say what is wrong and act on it."""

import re
from collections.abc import Sequence
from threading import Event
from typing import Any
from urllib.parse import urlencode

import pytest
from playwright.sync_api import Page, expect

from domain.operator.acts import OperatorAct
from infra.queries.dead_letters import UntakenMessage
from projections.rebuild import RebuildProgress
from tests.browser.conftest import Open, assert_accessible, assert_fits
from tests.simulated_store import FLOOR_ENDS, ORDER_HEARD_LATE
from tests.web.conftest import Served

LETTERS = "/operations/dead-letters"


def dead(served: Served) -> Sequence[UntakenMessage]:
    return served.waybill.dead_letters.dead(FLOOR_ENDS)


def acts(served: Served) -> list[str]:
    """What was done, by the newest acts of ann."""
    told = served.waybill.history.stream("operator-ann")
    return [type(stored.event).__name__ for stored in told if isinstance(stored.event, OperatorAct)]


def say_why(page: Page, reason: str, button: str) -> None:
    page.get_by_label("Reason", exact=True).first.fill(reason)
    page.get_by_role("button", name=button, exact=True).click()


def test_chosen_letters_are_discarded_and_restored_by_the_undo(desk_at_work: Served, open_page: Open) -> None:
    before, done = dead(desk_at_work), len(acts(desk_at_work))
    page = open_page(desk_at_work, f"{LETTERS}?limit=50")
    for letter in before[:2]:
        page.get_by_label(f"Choose {letter.letter_id}", exact=True).check()

    page.get_by_role("button", name="Discard…", exact=True).click()
    say_why(page, "a load test", "Discard 2 letters")

    expect(page.get_by_role("status")).to_contain_text("2 discarded. They stay in the books.")
    assert [one.letter_id for one in dead(desk_at_work)] == [one.letter_id for one in before[2:]]
    page.get_by_role("link", name="Undo").click()
    page.get_by_role("button", name="Restore all…").click()
    say_why(page, "it was none", "Restore 2 letters")
    expect(page.get_by_role("status")).to_contain_text("2 restored.")
    assert dead(desk_at_work) == before
    assert acts(desk_at_work)[done:] == ["DeadLetterDiscarded"] * 2 + ["DeadLetterRestored"] * 2


def test_a_letter_is_found_in_its_group_read_and_redriven_after_a_trial(desk_at_work: Served, open_page: Open) -> None:
    done = len(acts(desk_at_work))
    page = open_page(desk_at_work, "/operations")
    page.locator("a.figure", has=page.get_by_text("dead", exact=True)).click()

    page.locator("section", has=page.get_by_role("heading", name="By source")).locator("tbody th a").first.click()
    page.locator("section", has=page.locator("#letters")).locator("tbody th a").first.click()
    expect(page.get_by_role("heading", name="What was received")).to_be_visible()
    page.get_by_role("button", name="Redrive…").click()
    expect(page.get_by_text("0 verdicts would change")).to_be_visible()
    assert acts(desk_at_work)[done:] == []
    say_why(page, "the rules changed", "Redrive 1 letter")

    expect(page.get_by_role("status")).to_contain_text("1 letter redriven, 0 verdicts changed.")
    assert acts(desk_at_work)[done:] == ["DeadLettersRedriven"]


def test_a_copy_of_a_malformed_letter_is_checked_before_it_is_taken(sqlite_desk: Served, open_page: Open) -> None:
    letter = next(one for one in dead(sqlite_desk) if one.verdict == "malformed" and one.id is not None)
    page = open_page(sqlite_desk, f"{LETTERS}/letter?{urlencode({'id': letter.letter_id})}")
    expect(page.locator(".document mark").first).to_be_visible()

    text = (
        '{"specversion": "1.0", "id": "X-1", "source": "/x", "type": "rep.left.v1", "subject": "rep-none", '
        '"time": "2026-01-01T00:00:00Z", "data": {}}'
    )
    page.get_by_label("The message, as it should be").fill(text)
    page.get_by_role("button", name="Check", exact=True).click()

    expect(page.get_by_text("The copy would be held")).to_be_visible()
    expect(page.get_by_label("The message, as it should be")).to_have_value(text)
    assert letter in dead(sqlite_desk)


def test_a_part_is_paused_and_resumed(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/operations")
    page.get_by_role("link", name="order_states", exact=True).click()

    say_why(page, "the disk is full", "Pause")
    expect(page.get_by_text("by ann: the disk is full")).to_be_visible()
    page.get_by_role("link", name="Operations").last.click()
    row = page.locator("tr", has=page.get_by_role("link", name="order_states", exact=True))
    expect(row).to_contain_text("the disk is full")
    row.get_by_role("link").click()
    say_why(page, "there is room", "Resume")

    expect(page.get_by_role("button", name="Pause")).to_be_visible()
    assert sqlite_desk.waybill.pauses() == {}


def test_a_rebuild_is_followed_live_to_its_end(
    sqlite_desk: Served, open_page: Open, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebuilds, may_go_on = sqlite_desk.web.rebuilds, Event()
    tell = rebuilds._tell

    def slowly(progress: RebuildProgress) -> None:
        tell(progress)
        may_go_on.wait(10)

    monkeypatch.setattr(rebuilds, "_tell", slowly)
    page, other = open_page(sqlite_desk, "/operations/parts/shipments"), open_page(sqlite_desk, "/operations")

    page.get_by_label("Reason").last.fill("a column was wrong")
    page.get_by_role("button", name="Rebuild", exact=True).click()

    for one in (page, other):  # the other page was open before
        expect(one.get_by_role("progressbar")).to_be_visible()
        expect(one.get_by_text(re.compile(r"filling the new rows: \d+ of \d+ events"))).to_be_visible()
    expect(page.get_by_role("button", name="Rebuild", exact=True)).to_be_disabled()
    may_go_on.set()
    for one in (page, other):
        expect(one.get_by_text(re.compile(r"shipments: build \d+ of version \d+ serves at position"))).to_be_visible()
    assert acts(sqlite_desk)[-1] == "ProjectionRebuilt"
    page.get_by_role("link", name="Which rows would change?").click()
    expect(page.get_by_role("status")).to_contain_text("A rebuild would change nothing.")


def test_a_message_leads_from_its_order_to_its_way(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/orders/{ORDER_HEARD_LATE}")
    page.locator("a[href^='/messages?']").first.click()

    expect(page.get_by_text("Rows that differ because of it")).to_be_visible()
    page.get_by_text("The message, written again from its event").click()
    expect(page.locator("pre.document")).to_contain_text('"specversion"')


@pytest.mark.parametrize(("theme", "phone"), [("light", False), ("dark", True)])
def test_the_pages_are_accessible_and_fit(sqlite_desk: Served, open_page: Open, theme: Any, phone: bool) -> None:
    letter = next(one for one in dead(sqlite_desk) if one.verdict == "refused")
    of_letter = f"{LETTERS}/letter?{urlencode({'id': letter.letter_id})}"
    of_message = f"/messages?{urlencode({'source': letter.source, 'id': letter.id})}"
    page = open_page(sqlite_desk, phone=phone, color_scheme=theme)
    for path in ("/operations", "/operations/parts/shipments", f"{LETTERS}?limit=5", of_letter, of_message):
        page.goto(path)
        assert_fits(page)
        assert_accessible(page)
