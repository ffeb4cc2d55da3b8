"""given a message that was published, then its publisher can ask what became of it, by source and id."""

from typing import Any

import pytest

from infra.web.security.principal import Principal, Role
from tests.integration.messages import booked, placed
from tests.web.conftest import Served

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"


def asked(web: Served, path: str) -> Any:
    answer = web.client.get(path)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_a_message_is_found_by_its_path_and_by_a_query(web: Served) -> None:
    web.seed(placed("SO-1", EARLY, PROMISE, id="O-1", source="/crm", discount="10"))

    (by_path,) = asked(web, "/v1/messages/%2Fcrm/O-1")

    assert [by_path] == asked(web, "/v1/messages?source=/crm&id=O-1") == asked(web, "/v1/messages//crm/O-1")
    assert (by_path["verdict"], by_path["subject"], by_path["ignored"]) == ("applied", "SO-1", ["discount"])
    assert by_path["occurred_at"] == EARLY


@pytest.mark.parametrize(
    ("source", "message_id", "path"),
    [
        ("urn:crm/österreich", "a/b", "urn%3Acrm%2F%C3%B6sterreich/a%2Fb"),
        ("https://crm.example/feed?x=1", "50 %/", "https%3A%2F%2Fcrm.example%2Ffeed%3Fx%3D1/50%20%25%2F"),
        ("/", "/", "%2F/%2F"),
    ],
)
def test_sources_and_ids_may_have_any_characters(sqlite_web: Served, source: str, message_id: str, path: str) -> None:
    sqlite_web.seed(placed("SO-1", EARLY, PROMISE, id=message_id, source=source))

    (found,) = asked(sqlite_web, f"/v1/messages/{path}")

    assert (found["source"], found["id"]) == (source, message_id)


def test_an_id_used_for_two_subjects_is_an_array_of_two(sqlite_web: Served) -> None:
    sqlite_web.seed(placed("SO-1", EARLY, PROMISE, id="X"), booked("SO-2", EARLY, PROMISE, id="X"))

    assert [found["subject"] for found in asked(sqlite_web, "/v1/messages/%2Forder-entry/X")] == ["SO-1", "SO-2"]


def test_a_malformed_message_is_found_by_what_it_claims(web: Served) -> None:
    web.seed(placed("SO-1", "yesterday", PROMISE, id="O-1", source="/crm"))

    (found,) = asked(web, "/v1/messages/%2Fcrm/O-1")

    assert (found["verdict"], found["subject"], found["superseded_by"]) == ("malformed", "SO-1", None)
    assert found["reason"].startswith("time: must be ")
    unknown = web.client.get("/v1/messages/%2Fcrm/O-2")
    assert unknown.status_code == 404 and "the nearest: O-1" in unknown.json()["detail"]


def test_an_unknown_message_is_404_and_an_unreadable_path_400(sqlite_web: Served) -> None:
    unknown, unreadable = (sqlite_web.client.get(f"/v1/messages/{path}") for path in ("%2Fcrm/O-1", "%FF/O-1"))

    assert (unknown.status_code, unreadable.status_code) == (404, 400)
    assert unknown.headers["content-type"] == unreadable.headers["content-type"] == "application/problem+json"


def test_a_publisher_asks_about_its_own_source_only(sqlite_web: Served) -> None:
    sqlite_web.seed(placed("SO-1", EARLY, PROMISE, id="O-1", source="/crm"))
    sqlite_web.seed(placed("SO-2", EARLY, PROMISE, id="O-2", source="/shop"))
    sqlite_web.principal = Principal("crm", frozenset({Role.PUBLISH}), "/crm")

    own, other = (sqlite_web.client.get(f"/v1/messages/{path}") for path in ("%2Fcrm/O-1", "%2Fshop/O-2"))

    assert (own.status_code, other.status_code) == (200, 403)
