"""given any page, then its frame leads everywhere by mouse, by keyboard and on a phone, in either theme."""

import re

from playwright.sync_api import Page, expect

from tests.browser.conftest import Open, assert_accessible, assert_fits
from tests.web.conftest import Served

AN_INSTANT = "as_of=2026-06-20T09%3A00%3A00Z"


def background(page: Page) -> str:
    return str(page.evaluate("getComputedStyle(document.body).backgroundColor"))


def test_the_navigation_names_the_page_in_view_and_keeps_the_clocks(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/?{AN_INSTANT}")

    pages = page.get_by_role("navigation", name="Pages").get_by_role("link")
    names = ["Today", "Overdue", "At risk", "Late", "Follow-ups", "Orders", "Shipments", "Operations"]
    assert pages.all_inner_texts() == names
    assert all(AN_INSTANT in (link.get_attribute("href") or "") for link in pages.all())
    expect(pages.first).to_have_attribute("aria-current", "page")


def test_times_are_in_the_viewers_zone_with_utc_on_hover(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/?{AN_INSTANT}")

    shown = page.get_by_role("status").locator("time").first
    expect(shown).to_have_text(re.compile("Sat,? 20 Jun,? 05:00"))
    expect(shown).to_have_attribute("title", "2026-06-20 09:00:00 UTC")
    expect(page.get_by_text("Times in America/New_York")).to_be_visible()


def test_the_theme_follows_the_system_until_one_is_chosen_which_is_remembered(
    sqlite_desk: Served, open_page: Open
) -> None:
    light, dark = open_page(sqlite_desk, "/search"), open_page(sqlite_desk, "/search", color_scheme="dark")
    assert background(light) != background(dark)

    light.get_by_role("button", name="Dark theme").first.click()
    assert background(light) == background(dark)
    light.reload()
    assert background(light) == background(dark)

    light.get_by_role("button", name="Light theme").first.click()
    assert background(light) != background(dark)


def test_the_keyboard_reaches_the_content_the_search_the_help_and_the_pages(
    sqlite_desk: Served, open_page: Open
) -> None:
    page = open_page(sqlite_desk, "/search")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to content")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_be_focused()

    page.keyboard.press("/")
    expect(page.get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("?g")
    expect(page.get_by_role("searchbox")).to_have_value("?g")
    page.keyboard.press("Tab")

    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_visible()
    assert_accessible(page)
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog", name="Keyboard")).to_be_hidden()

    page.keyboard.press("g")
    page.keyboard.press("t")
    page.wait_for_url("**/")


def test_an_order_is_found_by_its_id_however_it_is_typed(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/search?{AN_INSTANT}")

    page.get_by_role("searchbox").fill(" so-100031 ")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**/orders/SO-100031?{AN_INSTANT}")


def test_on_a_phone_the_pages_are_a_row_that_moves_and_nothing_sticks_out(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/search", phone=True)

    assert_fits(page)
    last = page.get_by_role("navigation", name="Pages").get_by_role("link", name="Operations")
    last.scroll_into_view_if_needed()
    expect(last).to_be_in_viewport()
    assert_accessible(page)


def test_what_does_not_exist_is_a_page_with_a_way_back(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/search?q=%3Cb%3ESO%3C%2Fb%3E", missing=True)

    expect(page.get_by_role("status")).to_contain_text("Nothing was found for <b>SO</b>")
