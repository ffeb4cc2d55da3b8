"""given a sales floor, then a person sees in an order's page why it is late, and steps through its messages."""

import re

import pytest
from playwright.sync_api import expect

from infra.queries.views import Asked
from projections.views.catalogue import view_named
from tests.browser.conftest import Open, assert_accessible, assert_fits
from tests.web.conftest import Served


def overdue_order(desk: Served) -> str:
    """An overdue order that is on its way."""
    rows = desk.waybill.views.ask(view_named("overdue"), Asked()).rows
    return str(next(row["order_id"] for row in rows if row["stage"] == "in_transit"))


def test_the_page_of_an_overdue_order_says_at_once_by_how_much_and_why(desk: Served, open_page: Open) -> None:
    page = open_page(desk, f"/orders/{overdue_order(desk)}")

    standing = page.get_by_role("region", name="How it stands")
    expect(standing).to_contain_text(re.compile("Overdue by .*expected", re.DOTALL))
    expect(page.get_by_role("img", name="Timeline of order")).to_be_visible()
    assert page.locator(".tl-overdue").count() >= 1
    assert_accessible(page)


@pytest.mark.parametrize("scheme", [pytest.param("light", marks=pytest.mark.slow), "dark"])
def test_a_phone_shows_it_whole_and_the_picture_scrolls_with_its_names_in_sight(
    sqlite_desk: Served, open_page: Open, scheme: str
) -> None:
    page = open_page(sqlite_desk, f"/orders/{overdue_order(sqlite_desk)}", phone=True, color_scheme=scheme)

    assert_fits(page)
    assert page.locator(".tl-scroll").evaluate("frame => frame.scrollLeft") > 0
    expect(page.locator(".tl-names")).to_be_visible()
    assert_accessible(page)


def test_the_keyboard_and_the_scrubber_step_through_the_messages(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/orders/{overdue_order(sqlite_desk)}/steps?step=1")
    title = page.get_by_role("region", name="This step").get_by_role("heading", level=2)

    expect(title).to_contain_text("1. Order placed")
    page.keyboard.press("ArrowRight")
    expect(title).to_contain_text("2. ")
    page.keyboard.press("ArrowLeft")
    expect(title).to_contain_text("1. ")
    page.get_by_role("slider", name="Step").focus()
    page.keyboard.press("End")
    page.wait_for_url(re.compile("step=(?!1$)"))
    expect(page.get_by_role("link", name="Next step")).to_have_count(0)
    assert_accessible(page)


def test_without_scripts_links_step_and_the_sequence_changes(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/orders/{overdue_order(sqlite_desk)}/steps?step=1", java_script_enabled=False)

    page.get_by_role("link", name="Next step").click()
    expect(page.get_by_role("region", name="This step")).to_contain_text("2. ")
    page.get_by_role("link", name="As they arrived").click()
    expect(page.get_by_role("link", name="As they arrived")).to_have_attribute("aria-current", "true")
    page.get_by_role("button", name="Go").click()
    expect(page.get_by_role("link", name="As they arrived")).to_have_attribute("aria-current", "true")


def test_a_row_of_the_page_leads_to_the_step_that_last_touched_it(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/orders/{overdue_order(sqlite_desk)}")

    page.get_by_role("link", name="why?").last.click()

    expect(page.get_by_role("heading", name="Rows of views that it changed")).to_be_visible()
