"""given any page, then its frame keeps clocks and parameters in its links, and tells how far the views are."""

import re
from html import unescape

from consumers.sources.json_lines import JsonLines
from infra.app.ingest import ingest_source
from tests.integration.messages import placed, registered
from tests.simulated_store import json_line
from tests.web.conftest import Served

HTML = {"Accept": "text/html"}
PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")


def links(html: str, step: str) -> list[str]:
    return [unescape(found) for found in re.findall(rf'href="([^"]*)" data-step="{step}"', html)]


def test_steps_in_time_keep_the_pages_parameters_but_not_its_cursor(sqlite_web: Served) -> None:
    page = sqlite_web.client.get("/?sort=-x&rep_id=a%26b&rep_id=&cursor=abc&as_of=2025-03-08T12:00:00Z").text

    assert links(page, "-86400") == ["/?sort=-x&rep_id=a%26b&rep_id=&as_of=2025-03-07T12%3A00%3A00Z"]
    assert links(page, "now") == ["/?sort=-x&rep_id=a%26b&rep_id="]


def test_as_known_then_moves_with_the_page_and_another_known_at_stays(sqlite_web: Served) -> None:
    both = sqlite_web.client.get("/?as_of=2025-03-08T12:00:00Z&known_at=2025-03-08T12:00:00Z").text
    other = sqlite_web.client.get("/?as_of=2025-03-08T12:00:00Z&known_at=2025-03-09T12:00:00Z").text

    assert links(both, "-3600") == ["/?as_of=2025-03-08T11%3A00%3A00Z&known_at=2025-03-08T11%3A00%3A00Z"]
    assert links(other, "-3600") == ["/?as_of=2025-03-08T11%3A00%3A00Z&known_at=2025-03-09T12%3A00%3A00Z"]


def test_the_slider_begins_with_the_first_event(sqlite_web: Served) -> None:
    sqlite_web.seed(PLACED)

    assert 'data-begins="1740992400"' in sqlite_web.client.get("/").text  # 2025-03-03T09:00:00Z


def test_a_page_says_how_far_behind_the_views_are(sqlite_web: Served) -> None:
    assert "behind" not in sqlite_web.client.get("/").text

    source = JsonLines.of_one_batch("desk", [json_line(PLACED)])
    with ingest_source(sqlite_web.waybill, source, project=False):
        pass

    assert "The views are 1 event behind: they reflect position 0." in sqlite_web.client.get("/").text


def test_the_search_goes_to_an_order_a_rep_or_an_account_by_its_id(sqlite_web: Served) -> None:
    sqlite_web.seed(PLACED, registered("rep-1", "2025-03-01T09:00:00Z", "Ann"))

    def found(id: str) -> tuple[int, str | None]:
        answer = sqlite_web.client.get("/search", params={"q": id, "as_of": "2025-03-08"}, headers=HTML)
        return answer.status_code, answer.headers.get("location")

    clock = "as_of=2025-03-08T00%3A00%3A00Z"
    assert found("so-1") == (303, f"/orders/SO-1?{clock}")
    assert found("REP-1 ") == (303, f"/reps/rep-1?{clock}")
    assert found("nobody") == (404, None)


def test_an_error_is_a_page_for_a_browser_and_a_problem_for_a_program(sqlite_web: Served) -> None:
    page = sqlite_web.client.get("/?as_of=noon", headers=HTML)
    problem = sqlite_web.client.get("/?as_of=noon")

    assert page.status_code == problem.status_code == 400
    assert "as_of: &#39;noon&#39; is not an instant" in page.text
    assert problem.headers["content-type"] == "application/problem+json"


def test_the_pages_of_messages_belong_to_operations(sqlite_web: Served) -> None:
    page = sqlite_web.client.get("/messages", headers=HTML).text

    assert re.search(r'href="/operations" data-key="p" aria-current="true"', page)


def test_without_keys_the_frame_says_who_acts(sqlite_web: Served) -> None:
    assert "no keys: acting as <strong>ann</strong>" in sqlite_web.client.get("/").text


def test_the_legend_of_the_bars_names_each_of_their_parts(sqlite_web: Served) -> None:
    page = sqlite_web.client.get("/").text

    for words in ("estimated too late", "estimate passed", "no estimate", "not booked"):
        assert re.search(rf'<span class="key risk[^"]*">at risk: {words}</span>', page)
