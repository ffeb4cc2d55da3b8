"""given any page, when its time is moved, then the address holds both clocks, so that a link shows the same."""

import re

from playwright.sync_api import expect

from tests.browser.conftest import Open
from tests.web.conftest import Served

PAST = "/search?tab=2&as_of=2026-06-20T09%3A00%3A00Z"


def test_an_arrow_moves_the_slider_an_hour_and_with_shift_a_day(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, PAST)
    slider = page.get_by_role("slider", name="As of")

    slider.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    expect(slider).to_have_attribute("aria-valuetext", re.compile("19 Jun,? 04:00"))
    page.wait_for_url("**/search?tab=2&as_of=2026-06-19T08%3A00%3A00Z")

    expect(page.get_by_role("status").first).to_contain_text("This is not the present")
    expect(page.get_by_role("slider", name="As of")).to_be_focused()


def test_at_its_end_the_slider_is_back_in_the_present(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, PAST)

    page.get_by_role("slider", name="As of").focus()
    page.keyboard.press("End")

    page.wait_for_url("**/search?tab=2")
    expect(page.get_by_text("This is not the present")).to_have_count(0)


def test_as_known_then_follows_the_slider_until_it_is_turned_off(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, PAST)

    page.get_by_role("link", name="as known then: off").click()
    page.wait_for_url("**known_at=2026-06-20T09%3A00%3A00Z")
    page.get_by_role("link", name="A day back").click()
    page.wait_for_url("**as_of=2026-06-19T09%3A00%3A00Z&known_at=2026-06-19T09%3A00%3A00Z")
    expect(page.get_by_role("status").first).to_contain_text("as known then")

    page.get_by_role("link", name="as known then: on").click()
    page.wait_for_url("**as_of=2026-06-19T09%3A00%3A00Z")


def test_the_exact_clocks_are_given_in_the_viewers_zone(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, PAST)

    page.get_by_text("Clocks", exact=True).click()
    expect(page.get_by_label("As of what was true")).to_have_value("2026-06-20T05:00")
    page.get_by_label("As of what was true").fill("2026-06-18T07:30:00")
    page.get_by_label("As known at").fill("2026-06-21T00:00:00")
    page.get_by_role("button", name="Show").click()

    page.wait_for_url("**/search?tab=2&as_of=2026-06-18T11%3A30%3A00Z&known_at=2026-06-21T04%3A00%3A00Z")


def test_without_scripts_the_time_is_a_form_and_links(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, PAST, java_script_enabled=False)

    expect(page.get_by_role("slider", name="As of")).to_be_hidden()
    page.get_by_text("Clocks", exact=True).click()
    page.get_by_label("As of what was true").fill("2026-06-18")
    page.get_by_role("button", name="Show").click()
    page.wait_for_url("**/search?tab=2&as_of=2026-06-18&known_at=")
    page.get_by_role("link", name="An hour back").click()

    page.wait_for_url("**/search?tab=2&as_of=2026-06-17T23%3A00%3A00Z")


def test_on_a_phone_the_time_can_be_moved_too(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, PAST, phone=True, has_touch=True)

    page.get_by_role("link", name="A day back").tap()

    page.wait_for_url("**as_of=2026-06-19T09%3A00%3A00Z")
    expect(page.get_by_role("slider", name="As of")).to_be_visible()
