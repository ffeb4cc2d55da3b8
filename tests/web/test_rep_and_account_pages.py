"""given a desk, then the page of a rep and of an account say what is open, late and owed, by both clocks."""

from collections.abc import Iterator
from urllib.parse import quote

import pytest

from infra.queries.account_desk import account_desk
from infra.queries.rep_desk import rep_desk
from infra.queries.views import Asked
from projections.views.catalogue import view_named
from tests.integration.messages import (
    booked,
    contacted,
    declined,
    delayed,
    message,
    placed,
    registered,
    requested,
)
from tests.web.conftest import Served
from tests.web.floor import DATABASES, floor_on
from tests.web.reading_html import links_of
from tests.web.test_order_page import text_of
from tests.web.test_tables import HOSTILE, HTML, import_history

STAGES = ("to_book", "booked", "in_transit", "partly_delivered")
THEN = "2025-03-20T12:00:00Z"
PLACED, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"


@pytest.fixture(scope="module", params=DATABASES)
def floor(request: pytest.FixtureRequest) -> Iterator[Served]:
    with floor_on(request.param, request) as served:
        yield served


def page_of(served: Served, path: str, status: int = 200) -> str:
    answer = served.client.get(path, headers=HTML)
    assert answer.status_code == status, answer.text
    return answer.text


def test_a_rep_is_told_what_the_views_have_for_that_rep(floor: Served) -> None:
    ask = floor.waybill.views.ask
    loads = {row["rep_id"]: row for row in ask(view_named("workload"), Asked()).rows if row["rep_id"]}
    assert any(row["overdue"] for row in loads.values())

    for rep_id, row in loads.items():
        desk = rep_desk(floor.waybill.views, Asked(), rep_id)
        load = desk.load
        assert (load.open_orders, load.overdue, load.at_risk, load.due_in_24h) == (
            row["open_orders"],
            row["overdue"],
            row["at_risk"],
            row["due_in_24h"],
        )
        assert [load.stages.get(stage, 0) for stage in STAGES] == [row[stage] for stage in STAGES]
        assert desk.contacts.total == row["contacts_7d"]
        mine = {"rep_id": rep_id}
        assert list(desk.overdue) == ask(view_named("overdue"), Asked(), mine).rows[:25]
        assert list(desk.at_risk) == ask(view_named("at-risk"), Asked(), mine).rows[:25]
        assert list(desk.follow_ups.rows) == ask(view_named("follow-ups"), Asked(), mine).rows[:25]
        assert desk.follow_ups.total == row["follow_ups_owed"]
        assert desk.undecided.total == row["expedites_open"]


def test_an_account_is_told_what_the_views_have_for_it(floor: Served) -> None:
    ask = floor.waybill.views.ask
    book = ask(view_named("accounts"), Asked()).rows
    for account_id in sorted({row["account_id"] for row in book})[:12]:
        desk = account_desk(floor.waybill.views, Asked(), account_id)
        theirs = {"account_id": account_id}
        orders = ask(view_named("orders"), Asked(), theirs).rows
        assert list(desk.book) == [row for row in book if row["account_id"] == account_id]
        assert list(desk.overdue.rows) == ask(view_named("overdue"), Asked(), theirs).rows
        assert list(desk.at_risk.rows) == ask(view_named("at-risk"), Asked(), theirs).rows
        assert {row["order_id"] for row in desk.recent} == {row["order_id"] for row in orders}
        assert desk.open_orders.total == sum(row["status"] == "open" for row in orders)
        ids = {row["order_id"] for row in orders}
        assert [row for row in ask(view_named("follow-ups"), Asked()).rows if row["order_id"] in ids] == list(
            desk.follow_ups.rows
        )


def test_an_account_with_more_orders_than_are_looked_up_is_answered_the_same(
    floor: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    account_id = next(row["account_id"] for row in floor.waybill.views.ask(view_named("accounts"), Asked()).rows)
    looked_up = account_desk(floor.waybill.views, Asked(floor.waybill.clock()), account_id)
    monkeypatch.setattr("infra.queries.account_desk.LOOKED_UP", 0)

    assert account_desk(floor.waybill.views, Asked(floor.waybill.clock()), account_id) == looked_up


def test_the_page_of_a_rep_shows_what_needs_attention_first_and_leads_to_the_rows(sqlite_web: Served) -> None:
    _desk(sqlite_web)

    page = page_of(sqlite_web, f"/reps/rep%2F1?as_of={THEN}")

    text = text_of(page)
    assert "Ann Lee" in text
    assert "2 overdue" in text
    assert "Booked with Swift, not dispatched, expected" in text
    assert "inbound, about order" in text
    links = links_of(page)
    clock = f"as_of={quote(THEN, safe='')}"
    for path in ("/overdue?rep_id=rep%2F1&", "/follow-ups?rep_id=rep%2F1&", "/orders?rep_id=rep%2F1&status=open&"):
        assert f"{path}{clock}" in links
    for path in ("/orders/SO%2F1?", "/accounts/ACME?"):
        assert f"{path}{clock}" in links


def test_the_month_so_far_is_a_part_with_a_card_for_each_currency(web: Served) -> None:
    _desk(web)
    web.seed(message("rep.quota_set", "rep/1", PLACED, {"month": "2025-03", "currency": "USD", "target_amount": "40"}))

    part = page_of(web, "/scorecard/month?rep_id=rep%2F1&as_of=2025-03-20T12:00:00Z")

    text = text_of(part)
    assert "2025-03 USD" in text
    assert "Placed 20.00 USD" in text
    assert "Attainment 50.00 %" in text
    assert "<html" not in part
    empty = text_of(page_of(web, "/scorecard/month?rep_id=rep%2F1&as_of=2025-05-20T12:00:00Z"))
    assert "Nothing was placed or delivered this month" in empty


def test_the_page_of_an_account_shows_its_book_its_orders_and_what_it_is_owed(sqlite_web: Served) -> None:
    _desk(sqlite_web)
    sqlite_web.seed(
        message("account.registered", "ACME", PLACED, {"name": "Acme & Sons", "segment": "b2b", "tier": "gold"}),
        message(
            "standing_order.established",
            "ST-1",
            PLACED,
            {
                "account_id": "ACME",
                "rep_id": "rep/1",
                "segment": "b2b",
                "currency": "USD",
                "lines": [{"line": 1, "sku": "A", "quantity": 1, "unit_price": "5.00"}],
                "every": {"days": 7},
                "first_on": "2025-04-01",
                "lead_days": 2,
            },
        ),
    )

    page = page_of(sqlite_web, "/accounts/ACME?as_of=2025-03-20T12:00:00Z")

    text = text_of(page)
    for told in ("Acme & Sons", "gold", "2 overdue", "ST-1", "every 7 days", "20.00 USD", "declined"):
        assert told in text
    assert "/overdue?account_id=ACME&as_of=2025-03-20T12%3A00%3A00Z" in links_of(page)
    assert "/reps/rep%2F1?as_of=2025-03-20T12%3A00%3A00Z" in links_of(page)


def test_nobody_of_this_id_is_404_with_those_who_may_be_meant(sqlite_web: Served) -> None:
    sqlite_web.seed(
        registered("rep-12", PLACED, "Ann Lee"),
        message("account.registered", "ACME-1", PLACED, {"name": "Acme", "segment": "b2b"}),
    )

    assert "/reps/rep-12" in links_of(page_of(sqlite_web, "/reps/rep-1", 404))
    assert "/accounts/ACME-1" in links_of(page_of(sqlite_web, "/accounts/ACME-2", 404))
    assert "It is known today." in page_of(sqlite_web, "/reps/rep-12?as_of=2025-01-01", 404)
    assert "It is known today." in page_of(sqlite_web, "/accounts/ACME-1?as_of=2025-01-01", 404)


def test_a_desk_as_known_then_says_how_it_reads_today(sqlite_web: Served) -> None:
    in_time, later = {"recordedtime": "2025-03-03T10:00:00Z"}, {"recordedtime": "2025-03-25T10:00:00Z"}
    import_history(
        sqlite_web,
        placed("SO-1", PLACED, PROMISE, **in_time),
        booked("SO-1", "2025-03-04T09:00:00Z", PROMISE, **later),
        placed("SO-2", PLACED, PROMISE, **in_time),
        message("order.cancelled", "SO-2", "2025-03-05T09:00:00Z", {"reason": "gone"}, **later),
    )

    for path in ("/reps/rep-1", "/accounts/ACME"):
        text = text_of(page_of(sqlite_web, f"{path}?as_of={THEN}&known_at={THEN}"))
        assert "2 overdue past their promise 1 as known today" in text
        assert "reads differently as known today" in text
        assert "as known today, not overdue then" in text
        assert "1 as known today" not in text_of(page_of(sqlite_web, f"{path}?as_of={THEN}"))


def test_hostile_text_is_text_on_both_pages(sqlite_web: Served) -> None:
    rep, account = f"rep{HOSTILE}", f"AC{HOSTILE}"
    sqlite_web.seed(
        registered(rep, PLACED, f"Ann {HOSTILE}", team=HOSTILE),
        message("account.registered", account, PLACED, {"name": HOSTILE, "segment": "b2b", "tier": HOSTILE}),
        placed(f"SO{HOSTILE}", PLACED, PROMISE, rep_id=rep, account_id=account),
        booked(f"SO{HOSTILE}", PLACED, PROMISE, carrier=HOSTILE),
    )

    for path, status in (
        (f"/reps/{quote(rep, safe='')}", 200),
        (f"/accounts/{quote(account, safe='')}", 200),
        (f"/reps/{quote(HOSTILE, safe='')}", 404),
        (f"/accounts/{quote(HOSTILE, safe='')}", 404),
        (f"/scorecard/month?rep_id={quote(rep)}&as_of=2025-03-20", 200),
    ):
        page = page_of(sqlite_web, path, status)
        assert "<script>alert" not in page
        assert 'onload="' not in page
        assert "\u202e" not in page


def _desk(web: Served) -> None:
    """Two overdue orders of rep/1 for ACME: one booked and delayed, one that nobody booked; a declined expedite."""
    mine = {"rep_id": "rep/1"}
    web.seed(
        registered("rep/1", PLACED, "Ann Lee", team="North"),
        placed("SO/1", PLACED, PROMISE, **mine),
        booked("SO/1", "2025-03-04T09:00:00Z", PROMISE),
        delayed("SO/1", "2025-03-06T09:00:00Z", "2025-03-12T09:00:00Z"),
        placed("SO-2", PLACED, PROMISE, **mine),
        requested("SO-2", "2025-03-05T09:00:00Z"),
        declined("SO-2", "2025-03-05T10:00:00Z"),
        contacted("ACME", "2025-03-19T09:00:00Z", "rep/1"),
    )
