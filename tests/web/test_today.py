"""given a few orders, when Today is asked for, then each stands where it needs somebody, and leads to its rows."""

from datetime import UTC, datetime
from html import unescape

import pytest

from infra.queries.today import today
from infra.queries.views import Asked
from infra.web.security.principal import Principal, Role
from tests.integration.messages import booked, declined, message, placed, registered, requested
from tests.web.conftest import Served
from tests.web.reading_html import cells_of, links_of
from tests.web.test_order_page import text_of

T = datetime(2025, 3, 8, 12, tzinfo=UTC)
AT_T = "as_of=2025-03-08T12%3A00%3A00Z"
DESK = (
    registered("rep-1", "2025-03-01T09:00:00Z", "Ann <b>Lee</b>"),
    placed("SO-LATE", "2025-03-03T09:00:00Z", "2025-03-07T12:00:00Z"),
    booked("SO-LATE", "2025-03-03T10:00:00Z", "2025-03-06T12:00:00Z"),
    placed("SO-RISK", "2025-03-03T09:00:00Z", "2025-03-12T12:00:00Z"),
    booked("SO-RISK", "2025-03-03T10:00:00Z", "2025-03-13T12:00:00Z"),
    placed("SO-DUE", "2025-03-03T09:00:00Z", "2025-03-09T12:00:00Z", rep_id=None),
    placed("SO-FINE", "2025-03-03T09:00:00Z", "2025-03-20T12:00:00Z"),
)


def test_every_open_order_is_counted_once_by_what_it_needs(web: Served) -> None:
    web.seed(*DESK)

    found = today(web.waybill.views, Asked(T))

    assert {need: count for need, count in found.needs.items() if count} == {
        "overdue": 1,
        "estimate_late": 1,
        "not_booked": 1,
        "on_track": 1,
    }
    assert (found.open_orders, found.due_in_24h, found.unassigned, dict(found.follow_ups)) == (4, 1, 1, {"delay": 2})
    assert [(rep.rep_id, rep.name, rep.open_orders) for rep in found.reps] == [
        ("rep-1", "Ann <b>Lee</b>", 3),
        (None, None, 1),
    ]
    assert [row["order_id"] for row in found.worst] == ["SO-LATE"]
    assert [row["order_id"] for row in found.nearest] == ["SO-DUE", "SO-RISK"]


@pytest.mark.parametrize(
    "link",
    [
        f"/overdue?{AT_T}",
        f"/at-risk?why=estimate_late&{AT_T}",
        f"/orders?status=open&min.promised_by=2025-03-08T12%3A00%3A00Z"
        f"&max.promised_by=2025-03-09T12%3A00%3A00.000001Z&{AT_T}",
        f"/follow-ups?{AT_T}",
        f"/orders?status=open&rep_id=&{AT_T}",
        f"/at-risk?rep_id=&why=not_booked&{AT_T}",
        f"/orders/SO-LATE?{AT_T}",
    ],
)
def test_numbers_lead_to_the_rows_behind_them(sqlite_web: Served, link: str) -> None:
    sqlite_web.seed(*DESK)

    assert f'href="{link}"' in unescape(sqlite_web.client.get(f"/?{AT_T}").text)


def test_what_upstreams_wrote_is_escaped(sqlite_web: Served) -> None:
    sqlite_web.seed(*DESK)

    page = sqlite_web.client.get(f"/?{AT_T}").text

    assert "Ann &lt;b&gt;Lee&lt;/b&gt;" in page
    assert "<b>Lee</b>" not in page


def test_a_customer_to_be_told_is_named_with_what_to_say_and_whose_it_is(sqlite_web: Served) -> None:
    acme = message("account.registered", "ACME", "2025-03-01T09:00:00Z", {"name": "Acme Ltd", "segment": "b2b"})
    sqlite_web.seed(*DESK, acme)

    told = text_of(sqlite_web.client.get(f"/?{AT_T}").text)
    listed = {row[0]: row for row in cells_of(sqlite_web.client.get(f"/follow-ups?{AT_T}").text)}

    late = "Is late. Promised by 2025-03-07 12:00 UTC, was expected 2025-03-06 12:00 UTC and nothing was heard since."
    assert f"Acme Ltd of a delay, SO-LATE 1 d owed {late} Ann <b>Lee</b>" in told.replace(" , ", ", ").replace(
        " . ", ". "
    )
    assert listed["SO-LATE"][1:5] == ["Acme Ltd", "delay", late, "Ann <b>Lee</b>"]


def test_a_declined_expedite_says_until_when_it_was_asked_for(web: Served) -> None:
    web.seed(*DESK, requested("SO-FINE", "2025-03-04T09:00:00Z"), declined("SO-FINE", "2025-03-05T09:00:00Z"))

    rows = today(web.waybill.views, Asked(T)).to_tell
    said = {row["order_id"]: (row["about"], row["needed_by"] is None, row["account_id"]) for row in rows}

    assert said["SO-FINE"] == ("expedite", False, "ACME")
    assert said["SO-LATE"] == ("delay", True, "ACME")


def test_open_orders_of_somebody_who_left_are_told_with_how_to_hand_them_over(sqlite_web: Served) -> None:
    left = message("rep.left", "rep-1", "2025-03-07T09:00:00Z", {"reason": "moved"})
    sqlite_web.seed(*DESK, left)

    page = unescape(sqlite_web.client.get(f"/?{AT_T}").text)
    rows = sqlite_web.client.get(f"/overdue?{AT_T}").text

    assert f'<a href="/orders?status=open&rep_id=rep-1&{AT_T}">3 open orders</a> are with somebody who has left' in page
    assert "waybill hand-over --from rep-1" in page
    assert '<option value="=rep-1">Ann &lt;b&gt;Lee&lt;/b&gt; (has left)</option>' in rows
    assert "has left" in cells_of(rows)[1][6]


def test_a_rep_who_is_signed_in_has_a_desk_first_in_the_navigation(sqlite_web: Served) -> None:
    sqlite_web.seed(*DESK)

    for name, desk in (("REP-1", True), ("ann <B>lee</B>", True), ("bo", False)):
        sqlite_web.principal = Principal(name, frozenset(Role))
        pages = links_of(sqlite_web.client.get("/").text)
        assert ("/reps/rep-1" in [link for link in pages if link != "/"][:3]) is desk


def test_the_past_is_called_by_its_date_and_orders_tell_their_worth(sqlite_web: Served) -> None:
    sqlite_web.seed(*DESK)

    text = text_of(sqlite_web.client.get(f"/?{AT_T}").text)

    assert "The desk on 2025-03-08 12:00 UTC" in text
    assert "10.00 USD B2B Ann <b>Lee</b>" in text
    assert text.index("Work by rep") < text.index("The last 30 days")
