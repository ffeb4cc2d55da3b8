"""given an order, then reps act on its page: with the mouse, with the keyboard, on a phone, without scripts."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from playwright.sync_api import Locator, Page, expect

from infra.web.pages import acts
from tests.browser.conftest import Open, assert_accessible, assert_fits
from tests.integration.messages import booked, line, placed, registered, requested
from tests.stores.conftest import new_databases
from tests.web.conftest import Served, served_web
from tests.web.test_acts import messages_of

PLACED = "2026-03-02T09:00:00Z"
IN_5_DAYS, IN_9_DAYS = (f"{datetime.now(UTC) + timedelta(days=days):%Y-%m-%d}" for days in (5, 9))
PROMISE = f"{IN_5_DAYS}T12:00:00Z"


@pytest.fixture(scope="module")
def sqlite_acting(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server on a store of its own, because these tests write."""
    with served_web(f"sqlite:///{tmp_path_factory.mktemp('acting')}/desk.db") as served:
        yield served


@pytest.fixture(
    params=["sqlite", pytest.param("postgresql", marks=[pytest.mark.postgres, pytest.mark.slow])],
)
def acting(request: pytest.FixtureRequest) -> Iterator[Served]:
    """The same on each store. What the forms send goes into both in tests/web/test_acts.py, which is quick."""
    if request.param == "sqlite":
        yield request.getfixturevalue("sqlite_acting")
    else:
        with new_databases(request.getfixturevalue("postgres_server")) as make, served_web(make()) as served:
            yield served


@pytest.fixture(autouse=True)
def views_stand_still(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody projects in these tests, so no act waits for the views."""
    monkeypatch.setattr(acts, "SECONDS_FOR_THE_VIEWS", 0.0)


def seed(served: Served, order: str) -> None:
    served.seed(
        placed(order, PLACED, PROMISE, line(1, 10), line(2, 3), id="O-1"),
        booked(order, PLACED, f"{IN_5_DAYS}T15:30:00Z", "S1", lines=[{"line": 1, "quantity": 4}]),
        requested(order, "2026-03-03T09:00:00Z"),
        registered("rep-2", PLACED, "Bo Kim"),
    )


def opened(page: Page, title: str) -> Locator:
    """The form of an act, opened."""
    page.locator("summary", has_text=title).click()
    return page.get_by_role("form", name=title)


def done(page: Page, form: Locator, button: str) -> None:
    form.get_by_role("button", name=button).click()
    expect(page.locator(".notice.ok")).to_contain_text("done.")


def test_each_act_is_done_with_its_form(acting: Served, open_page: Open) -> None:
    seed(acting, "B-1")
    page = open_page(acting, "/orders/B-1")

    form = opened(page, "Book a shipment")
    form.get_by_label("Carrier").fill("Rapid")
    form.get_by_label("SKU-1").fill("5")
    done(page, form, "Book it")
    form = opened(page, "Grant the expedite")
    form.get_by_label("Promise", exact=False).first.fill(IN_5_DAYS)
    form.get_by_label("Promise: time of day").fill("06:00")
    done(page, form, "Grant it")
    form = opened(page, "Request an expedite")
    form.get_by_label("Needed by").first.fill(IN_5_DAYS)
    form.get_by_label("Why it has to be faster").fill("trade fair")
    done(page, form, "Request it")
    form = opened(page, "Decline the expedite")
    form.get_by_label("Why it is impossible").fill("no lorry free")
    done(page, form, "Decline it")
    form = opened(page, "Inform the customer")
    expect(form).to_contain_text("The customer waits to hear about")
    done(page, form, "The customer knows")
    form = opened(page, "Rebook S1")
    expect(form.get_by_label("Expected: time of day")).to_have_value("10:30")  # in the viewer's zone
    form.get_by_label("Tracking number").fill("1Z")
    done(page, form, "Change the booking")
    form = opened(page, "Reschedule")
    form.get_by_label("New promise").first.fill(IN_9_DAYS)
    form.get_by_label("Reason").fill("agreed")
    done(page, form, "Change the promise")
    form = opened(page, "Reassign")
    expect(page.locator("#reps-known option")).to_have_attribute("value", "rep-2")
    form.get_by_label("To the rep").fill("rep-2")
    done(page, form, "Hand it over")
    form = opened(page, "Cancel a shipment")
    form.get_by_label("Why it will not arrive").fill("lost")
    done(page, form, "Cancel the shipment")

    published = messages_of(acting, "B-1")
    assert len(published) == 9
    assert published[1]["data"]["promised_by"] == f"{IN_5_DAYS}T11:00:00Z"
    assert published[5]["data"] == {"shipment_id": "S1", "tracking_number": "1Z", "reason": None}


def test_the_keyboard_alone_informs_the_customer(sqlite_acting: Served, open_page: Open) -> None:
    seed(sqlite_acting, "B-2")
    page = open_page(sqlite_acting, "/orders/B-2")

    page.locator("summary", has_text="Inform the customer").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("form", name="Inform the customer").get_by_label("About")).to_be_focused()
    page.keyboard.type("Some")  # chooses: Something else
    for text in ("", "phone", "will come on Monday"):
        page.keyboard.press("Tab")
        page.keyboard.type(text)
    page.keyboard.press("Escape")
    for _ in range(10):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.tagName") == "BUTTON":
            break
    page.keyboard.press("Enter")

    expect(page.locator(".notice.ok")).to_contain_text("Customer informed: done.")
    (published,) = messages_of(sqlite_acting, "B-2")
    assert published["data"] == {"about": "other", "channel": "phone", "note": "will come on Monday"}


def test_a_link_opens_its_form_on_a_phone_in_the_dark_and_everybody_can_use_it(
    sqlite_acting: Served, open_page: Open
) -> None:
    seed(sqlite_acting, "B-3")
    page = open_page(sqlite_acting, "/orders/B-3#book", phone=True, color_scheme="dark")

    expect(page.get_by_role("button", name="Book it")).to_be_visible()
    assert_fits(page)
    assert_accessible(page)
    for title in ("Grant the expedite", "Rebook S1", "Cancel a shipment"):
        opened(page, title)
    expect(page.get_by_role("button", name="Book it")).to_be_hidden()
    assert_fits(page)
    assert_accessible(page)


def test_without_scripts_forms_work_in_utc(sqlite_acting: Served, open_page: Open) -> None:
    seed(sqlite_acting, "B-4")
    page = open_page(sqlite_acting, "/orders/B-4#reschedule", java_script_enabled=False)

    form = page.get_by_role("form", name="Reschedule")
    expect(form).to_be_visible()
    expect(form).to_contain_text("Times of day are in UTC")
    form.get_by_label("New promise").first.fill(IN_9_DAYS)
    form.get_by_label("New promise: time of day").fill("10:00")
    form.get_by_label("Reason").fill("agreed")
    done(page, form, "Change the promise")

    (published,) = messages_of(sqlite_acting, "B-4")
    assert published["data"]["promised_by"] == f"{IN_9_DAYS}T10:00:00Z"


def test_opening_a_form_moves_no_button_and_takes_the_last_notice_away(sqlite_acting: Served, open_page: Open) -> None:
    seed(sqlite_acting, "B-6")
    page = open_page(sqlite_acting, "/orders/B-6")
    titles = page.locator(".act > summary")
    buttons = "all => all.map(one => [one.offsetLeft, one.offsetTop - all[0].offsetTop])"
    places = titles.evaluate_all(buttons)

    done(page, opened(page, "Inform the customer"), "The customer knows")
    expect(page.locator(".notice.ok")).to_contain_text("Still to do: book 6 × SKU-1")
    assert page.evaluate("document.querySelector('.notice.ok').getBoundingClientRect().top") >= 0
    opened(page, "Reschedule")

    expect(page.locator("#said")).to_have_count(0)
    assert "said=" not in page.url
    assert titles.evaluate_all(buttons) == places
    expect(titles).to_have_count(len(places))
    expect(titles.filter(has_text="Reschedule")).to_be_visible()


def test_a_double_click_is_one_act(sqlite_acting: Served, open_page: Open) -> None:
    seed(sqlite_acting, "B-5")
    page = open_page(sqlite_acting, "/orders/B-5#inform")

    page.get_by_role("button", name="The customer knows").dblclick()

    expect(page.locator(".notice.ok")).to_contain_text("Customer informed: done.")
    assert len(messages_of(sqlite_acting, "B-5")) == 1
