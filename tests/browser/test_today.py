"""given a sales floor, when a desk opens Today, then it sees what needs help, why, and whose it is."""

from typing import Any

import pytest
from playwright.sync_api import Page, expect

from infra.queries.views import Asked
from projections.views.catalogue import view_named
from tests.browser.conftest import Open, assert_accessible, assert_fits
from tests.simulated_store import FLOOR_ENDS, ORDER_HEARD_LATE
from tests.web.conftest import Served

THEN = "2026-06-20T09:00:00Z"


def rows(served: Served, view: str) -> Any:
    return served.waybill.views.ask(view_named(view), Asked(FLOOR_ENDS)).rows


def figure(page: Page, name: str) -> int:
    card = page.locator("a.figure", has=page.get_by_text(name, exact=True))
    return int(card.locator(".figure-number").inner_text().replace(",", ""))


def test_its_numbers_are_those_of_the_views(desk: Served, open_page: Open) -> None:
    page = open_page(desk)

    for name, view in (("overdue", "overdue"), ("at risk", "at-risk"), ("customers to be told", "follow-ups")):
        assert figure(page, name) == len(rows(desk, view)) > 0, name
    workload = rows(desk, "workload")
    assert figure(page, "due in 24 hours") == sum(row["due_in_24h"] for row in workload)
    shown = page.locator("section", has=page.get_by_role("heading", name="Work by rep")).locator("tbody tr")
    told = {row.locator("th").inner_text(): row.locator("td.number").all_inner_texts() for row in shown.all()}
    expected = {
        row["name"]: [str(row[name]) for name in ("open_orders", "overdue", "at_risk", "due_in_24h", "follow_ups_owed")]
        for row in workload
        if row["open_orders"] or row["follow_ups_owed"]
    }
    assert [numbers for name in expected for key, numbers in told.items() if key.startswith(name)] == list(
        expected.values()
    )


def test_the_worst_orders_are_named_with_why_and_whether_the_customer_knows(
    sqlite_desk: Served, open_page: Open
) -> None:
    page = open_page(sqlite_desk)

    first = page.locator("li.slip.late").first
    worst = rows(sqlite_desk, "overdue")[0]
    link = first.get_by_role("link", name=worst["order_id"], exact=True)
    expect(link).to_have_attribute("href", f"/orders/{worst['order_id']}")
    expect(first).to_contain_text("late")
    expect(first).to_contain_text("customer not told" if worst["follow_up_owed"] else "customer told")


def test_each_number_leads_to_the_rows_behind_it(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk)

    part_of_bar = page.locator("svg.bar").get_by_role("link", name="overdue").first
    assert (part_of_bar.get_attribute("href") or "").startswith("/overdue?rep_id=rep-")
    hrefs = [link.get_attribute("href") for link in page.locator("a.figure").all()]
    assert hrefs[0] == "/overdue"
    assert "/orders?status=open&min.promised_by=2026-06-30T16%3A00%3A00Z" in (hrefs[2] or "")
    assert hrefs[4] == "/orders?status=open&rep_id="


def test_the_last_days_are_drawn_with_a_table_of_the_same_numbers(desk: Served, open_page: Open) -> None:
    page = open_page(desk)

    pictures = page.locator("figure.chart svg")
    expect(pictures).to_have_count(2)
    page.get_by_text("The numbers").first.click()
    newest = page.locator("figure.chart").first.locator("tbody tr").first
    expect(newest.locator("td.number")).to_have_text(str(len(rows(desk, "overdue"))))


def test_a_chart_follows_the_theme(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/trends?days=7")
    picture = page.locator("figure.chart svg").first
    expect(picture).to_have_css("background-color", "rgb(255, 254, 251)")

    page.get_by_role("button", name="Dark theme").first.click()

    expect(picture).to_have_css("background-color", "rgb(24, 32, 33)")


def test_what_reads_differently_today_is_marked(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/?as_of={THEN}&known_at={THEN}")

    expect(page.get_by_role("status").first).to_contain_text("as known then")
    expect(page.locator("a.figure").get_by_text("as known today").first).to_be_visible()
    marked = page.locator("li.slip.differs", has_text=ORDER_HEARD_LATE)
    expect(marked).to_contain_text("as known today, not overdue then")
    expect(page.locator("figure.chart svg").first.get_by_text("as known today")).to_be_visible()


def test_without_scripts_it_reads_the_same_and_leads_to_the_charts_numbers(
    sqlite_desk: Served, open_page: Open
) -> None:
    page = open_page(sqlite_desk, java_script_enabled=False)

    assert figure(page, "overdue") == len(rows(sqlite_desk, "overdue"))
    page.get_by_role("link", name="day by day").click()
    expect(page.locator("figure.chart table").first).to_be_attached()


@pytest.mark.parametrize(
    ("theme", "phone"),
    [
        ("light", False),
        ("dark", True),
        pytest.param("light", True, marks=pytest.mark.slow),
        pytest.param("dark", False, marks=pytest.mark.slow),
    ],
)
def test_it_is_accessible_and_fits(sqlite_desk: Served, open_page: Open, theme: Any, phone: bool) -> None:
    page = open_page(sqlite_desk, phone=phone, color_scheme=theme)
    expect(page.locator("figure.chart svg")).to_have_count(2)

    assert_fits(page)
    assert_accessible(page)
