"""given a server on a store, then it answers over HTTP, and tells errors as problem details."""

from tests.integration.messages import placed
from tests.web.conftest import Served


def test_the_first_page_is_served_on_either_store(web: Served) -> None:
    web.seed(placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"))

    answer = web.client.get("/")

    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")


def test_an_unknown_path_is_told_as_a_problem(sqlite_web: Served) -> None:
    answer = sqlite_web.client.get("/no-such-page")

    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["status"] == answer.status_code == 404


def test_nobody_reads_a_page(sqlite_web: Served) -> None:
    sqlite_web.principal = None

    answer = sqlite_web.client.get("/")

    assert answer.status_code == 401
    assert answer.headers["www-authenticate"] == "Bearer"
