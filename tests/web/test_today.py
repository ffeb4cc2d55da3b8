"""given a few orders, when Today is asked for, then each stands where it needs somebody, and leads to its rows."""

from datetime import UTC, datetime
from html import unescape

import pytest

from infra.queries.today import today
from infra.queries.views import Asked
from tests.integration.messages import booked, placed, registered
from tests.web.conftest import Served

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
