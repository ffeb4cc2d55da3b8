"""given orders behind a server, then /v1/orders/{id} and /v1/status answer as the commands do."""

import pytest

from tests.integration.messages import booked, placed
from tests.web.conftest import Served
from tests.web.test_views import command


@pytest.fixture
def seeded(web: Served) -> Served:
    web.seed(
        placed("SO-1/A", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"),
        booked("SO-1/A", "2025-03-04T09:00:00Z", "2025-03-08"),
    )
    return web


def test_an_order_is_told_as_the_command_tells_it(seeded: Served) -> None:
    for as_of in ("2025-03-03T12:00:00Z", "2025-03-09T12:00:00Z"):
        answer = seeded.client.get("/v1/orders/SO-1%2FA", params={"as_of": as_of})
        assert answer.json() == command(seeded, "order", "SO-1/A", "--as-of", as_of)
        assert answer.headers["waybill-as-of"] == as_of
        assert answer.headers["waybill-position"] == str(seeded.waybill.history.head())


def test_an_order_that_is_not_known_is_told_with_its_nearest(seeded: Served) -> None:
    answer = seeded.client.get("/v1/orders/so-1/b")
    assert answer.status_code == 404
    assert answer.json()["detail"] == "nothing is known of order so-1/b; the nearest: SO-1/A"
    assert seeded.client.get("/v1/orders/SO-1%2FA", params={"known_at": "2020-01-01"}).status_code == 404


def test_a_clock_that_is_no_instant_is_named(sqlite_web: Served) -> None:
    answer = sqlite_web.client.get("/v1/orders/SO-1", params={"as_of": "now"})
    assert answer.status_code == 400
    assert answer.json()["detail"].startswith("as_of: 'now' is not an instant")


def test_the_status_is_told_as_the_command_tells_it(seeded: Served) -> None:
    answer = seeded.client.get("/v1/status")
    assert answer.json() == command(seeded, "status")
    assert answer.json()["books"]["applied"] == 2
    assert seeded.client.get("/v1/status", params={"kafka": "false"}).json()["head"] == answer.json()["head"]


def test_the_documents_are_complete(sqlite_web: Served) -> None:
    assert sqlite_web.client.get("/asyncapi.json").json()["asyncapi"] == "3.0.0"
    paths = sqlite_web.client.get("/openapi.json").json()["paths"]
    assert {"/v1/views/overdue", "/v1/orders/{order_id}", "/v1/dead-letters/{letter_id}/redrive"} <= set(paths)
    overdue = {one["name"]: one for one in paths["/v1/views/overdue"]["get"]["parameters"]}
    assert {"hours_overdue", "min.hours_overdue", "max.promised_by", "as_of", "cursor"} <= set(overdue)
    assert all(one["description"] for one in overdue.values())
