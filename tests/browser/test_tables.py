"""given a desk's tables, then they are filtered, sorted, paged, taken along as files and read on a phone."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from infra.queries.views import Asked
from projections.views.catalogue import view_named
from tests.browser.conftest import Open, assert_accessible, assert_fits
from tests.simulated_store import ORDER_HEARD_LATE
from tests.web.conftest import Served

THEN = "2026-06-20T09:00:00Z"
PAGES = ("overdue", "orders")
FEW = 15
"""How many rows axe looks at: all rows of a table are made alike, and it takes long over each."""


def rows_of(served: Served, view: str, **filters: list[str]) -> list[Mapping[str, Any]]:
    page = served.waybill.view_pages.page(view_named(view), Asked(), filters, limit=1000)
    return list(page.rows)


def first_cells(page: Page) -> list[str]:
    cells = page.locator("table.data").first.locator("tbody th a.id")
    return [text.strip() for text in cells.all_inner_texts()]


def test_filters_are_chosen_in_the_form_and_taken_away_by_chips(desk: Served, open_page: Open) -> None:
    held_by = next(row["rep_id"] for row in rows_of(desk, "overdue") if row["rep_id"] and row["stage"] == "booked")
    page = open_page(desk, "/overdue")

    page.get_by_text("Filter", exact=True).click()
    page.get_by_role("combobox", name="Rep").select_option(f"={held_by}")
    page.get_by_label("Stage").select_option(label="booked")
    page.get_by_role("button", name="Show", exact=True).first.click()

    expect(page).to_have_url(f"{desk.url}/overdue?rep_id={held_by}&stage=booked")
    expected = rows_of(desk, "overdue", rep_id=[held_by], stage=["booked"])
    assert first_cells(page) == [row["order_id"] for row in expected]
    expect(page.get_by_label("Stage")).to_have_value("=booked")

    page.get_by_role("list", name="Filters in force").get_by_role("link", name="Stage: booked").click()

    expect(page).to_have_url(f"{desk.url}/overdue?rep_id={held_by}")
    assert first_cells(page) == [row["order_id"] for row in rows_of(desk, "overdue", rep_id=[held_by])]


def test_a_head_sorts_by_its_column_and_the_other_way_round(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/orders?status=open")
    head = page.get_by_role("columnheader", name="Open value")

    head.get_by_role("link").click()
    expect(head).to_have_attribute("aria-sort", "descending")
    falling = first_cells(page)
    head.get_by_role("link").click()
    expect(head).to_have_attribute("aria-sort", "ascending")

    worth = {row["order_id"]: row["open_value"] for row in rows_of(sqlite_desk, "orders")}
    assert [worth[order] for order in falling] == sorted((worth[order] for order in falling), reverse=True)
    assert [worth[order] for order in first_cells(page)] == sorted(worth[order] for order in first_cells(page))


def test_pages_follow_one_another_and_lead_back_to_the_first(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/orders?limit=50")
    first = first_cells(page)
    found = list(first)

    while page.get_by_role("link", name="Next rows").count():
        page.get_by_role("link", name="Next rows").click()
        found += first_cells(page)

    assert found == [row["order_id"] for row in rows_of(sqlite_desk, "orders")]
    page.get_by_role("link", name="First rows").click()
    assert first_cells(page) == first


def test_the_rows_are_taken_along_as_csv(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/overdue?segment=b2b")

    with page.expect_download() as waiting:
        page.get_by_role("link", name="CSV").click()

    path = waiting.value.path()
    assert waiting.value.suggested_filename == "overdue.csv"
    lines = Path(path).read_text("utf-8").splitlines()
    assert [line.split(",")[0] for line in lines[1:]] == [
        row["order_id"] for row in rows_of(sqlite_desk, "overdue", segment=["b2b"])
    ]


def test_the_other_views_unfold_in_the_navigation(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/overdue?as_of={THEN}")
    pages = page.get_by_role("navigation", name="Pages")

    pages.get_by_text("More").click()
    pages.get_by_role("link", name="Carriers").click()

    expect(page.get_by_role("heading", level=1)).to_have_text("Carriers")
    expect(pages.get_by_role("link", name="Carriers")).to_have_attribute("aria-current", "page")
    assert "as_of=2026-06-20T09%3A00%3A00Z" in page.url


def test_what_was_heard_late_is_marked_as_known_then(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, f"/overdue?as_of={THEN}&known_at={THEN}")

    row = page.locator("tr.differs", has_text=ORDER_HEARD_LATE)
    expect(row).to_contain_text("as known today, not overdue then")


def test_a_rep_and_an_account_are_reached_from_a_row(desk: Served, open_page: Open) -> None:
    row = next(row for row in rows_of(desk, "overdue") if row["rep_id"] and row["account_id"])
    page = open_page(desk, f"/overdue?order_id={row['order_id']}")

    page.locator("table.data tbody td a[href^='/reps/']").click()
    overdue = len(rows_of(desk, "overdue", rep_id=[row["rep_id"]]))
    expect(page.locator("a.figure").first).to_contain_text(f"{overdue}")
    expect(page.locator(".month").first).to_contain_text("Placed")
    page.go_back()
    page.locator("table.data tbody td a[href^='/accounts/']").click()

    expect(page.locator("li.slip", has_text=row["order_id"])).to_be_visible()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_tables_reps_and_accounts_are_accessible_and_fit_a_phone(
    sqlite_desk: Served, open_page: Open, theme: Any
) -> None:
    row = next(row for row in rows_of(sqlite_desk, "overdue") if row["rep_id"] and row["account_id"])
    paths = [f"/{name}?limit={FEW}" for name in PAGES] if theme == "light" else ["/overdue?stage=booked&columns=all"]
    page, phone = (open_page(sqlite_desk, phone=small, color_scheme=theme) for small in (False, True))
    for path in [*paths, f"/reps/{row['rep_id']}", f"/accounts/{row['account_id']}"]:
        phone.goto(path.removesuffix(f"?limit={FEW}"))
        assert_fits(phone)
        page.goto(path)
        assert_accessible(page)


def test_on_a_phone_a_row_is_a_record_that_names_its_columns(sqlite_desk: Served, open_page: Open) -> None:
    page = open_page(sqlite_desk, "/overdue", phone=True)
    order = rows_of(sqlite_desk, "overdue")[0]["order_id"]

    record = page.locator("table.data tbody tr", has_text=order).first
    label = record.locator("td").first.evaluate("cell => getComputedStyle(cell, '::before').content")

    assert label == '"Overdue"'
    expect(record.get_by_role("link", name=order)).to_be_visible()


def test_on_a_desk_the_first_columns_fit_and_on_a_phone_a_tabs_neighbours_are_in_sight(
    sqlite_desk: Served, open_page: Open
) -> None:
    page = open_page(sqlite_desk)
    for path in ("/overdue", "/at-risk", "/orders", "/shipments", "/accounts"):
        page.goto(path)
        frame = page.locator(".table-frame").first
        assert frame.evaluate("frame => frame.scrollWidth <= frame.clientWidth"), path
        assert frame.evaluate("frame => frame.scrollHeight <= frame.clientHeight + 1"), path

    phone = open_page(sqlite_desk, "/late", phone=True)
    tabs = phone.get_by_role("navigation", name="Pages")
    for name in ("At risk", "Late"):
        expect(tabs.get_by_role("link", name=name)).to_be_in_viewport(ratio=1)
