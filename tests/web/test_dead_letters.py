"""given messages that were not taken, then they are listed, shown, redriven and discarded over HTTP."""

from datetime import timedelta
from typing import Any

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.ingest import ingest_source
from tests.integration.messages import confirmed, message, placed
from tests.web.conftest import Served

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
CANCELLED = message("order.cancelled", "SO-1", "2025-03-03T10:00:00Z", {"reason": "x"})
TWICE = message("order.rescheduled", "SO-1", "2025-03-04T09:00:00Z", {"promised_by": "2025-03-12", "reason": "x"})
LETTERS = "/v1/dead-letters"


@pytest.fixture
def letters(web: Served) -> Served:
    """One message refused, and one malformed."""
    web.seed(PLACED, CANCELLED, TWICE)
    with ingest_source(web.waybill, JsonLines.of_bytes("desk", b'{"nonsense": true}')):
        pass
    return web


def listed(served: Served, **parameters: Any) -> Any:
    answer = served.client.get(LETTERS, params=parameters)
    assert answer.status_code == 200, answer.text
    return answer.json()


def id_of(served: Served, verdict: str) -> str:
    (letter,) = listed(served, verdict=verdict)["letters"]
    return str(letter["letter_id"])


def test_they_are_listed_by_filters(letters: Served) -> None:
    everything = listed(letters)
    assert (everything["total"], everything["set_aside"]) == (2, 0)
    assert {letter["verdict"] for letter in everything["letters"]} == {"refused", "malformed"}
    assert listed(letters, subject="SO-1", type="order.rescheduled.v1", older_than="0m")["total"] == 1
    assert listed(letters, matching="CANCELLED")["total"] == listed(letters, verdict="refused")["total"]
    assert listed(letters, until="2025-01-01")["letters"] == []
    assert listed(letters, since="1h")["total"] == 2
    assert len(listed(letters, limit=1)["letters"]) == 1


def test_they_come_page_by_page(letters: Served) -> None:
    everything = listed(letters)
    assert everything["next"] is None
    # when they are asked for one at a time
    first = listed(letters, limit=1)
    second = listed(letters, limit=1, cursor=first["next"])
    assert [*first["letters"], *second["letters"]] == everything["letters"]
    assert (first["total"], second["total"], second["next"]) == (2, 2, None)
    # and a cursor of another list, of groups, or of none is an error that names it
    for wrong in ({"verdict": "refused"}, {"by": "verdict"}, {"cursor": "nonsense"}):
        answer = letters.client.get(LETTERS, params={"limit": 1, "cursor": first["next"], **wrong})
        assert (answer.status_code, "cursor" in answer.text) == (400, True)


def test_they_are_counted_by_what_they_have_in_common(letters: Served) -> None:
    told = listed(letters, by="verdict")
    assert {group["verdict"]: group["letters"] for group in told["groups"]} == {"refused": 1, "malformed": 1}


def test_one_is_shown_whole(letters: Served) -> None:
    malformed = letters.client.get(f"{LETTERS}/{id_of(letters, 'malformed')}").json()
    assert malformed["body"] == '{"nonsense": true}'
    assert malformed["judged_now"]["verdict"] == "malformed"
    refused = letters.client.get(f"{LETTERS}/{id_of(letters, 'refused')}").json()
    assert [entry["event"] for entry in refused["timeline"]][:1] == ["OrderPlaced"]


def test_a_discard_is_tried_and_done_in_the_name_of_the_key(letters: Served) -> None:
    letter_id = id_of(letters, "malformed")
    path, why = f"{LETTERS}/{letter_id}/discard", {"reason": "a test of theirs"}
    assert letters.client.post(path, json=why, params={"dry_run": "true"}).json()["discarded"] == [letter_id]
    assert listed(letters)["total"] == 2
    # when it is done, and done again
    answers = [letters.client.post(path, json=why).json() for _ in range(2)]
    assert [(answer["discarded"], answer["unchanged"]) for answer in answers] == [([letter_id], 0), ([], 1)]
    assert (listed(letters)["total"], listed(letters, all="true")["total"]) == (1, 2)
    # then the log of the key's holder has it
    (act,) = [stored.event for stored in letters.waybill.history.stream("operator-ann")]
    assert (type(act).__name__, act.reason) == ("DeadLetterDiscarded", "a test of theirs")  # type: ignore[attr-defined]


def test_a_redrive_tells_what_changes(letters: Served) -> None:
    path = f"{LETTERS}/{id_of(letters, 'refused')}/redrive"
    told = letters.client.post(path, params={"dry_run": "true"}).json()
    assert told == {"letters": 1, "dry_run": True, "changed": []}
    done = letters.client.post(path, json={"reason": "rules changed"}).json()
    assert done == {"letters": 1, "dry_run": False, "changed": []}
    assert len(letters.waybill.history.stream("operator-ann")) == 1


def test_what_waits_is_no_dead_letter_yet(sqlite_web: Served) -> None:
    sqlite_web.seed(confirmed("SO-9", "2025-03-04T10:00:00Z"))
    (held,) = sqlite_web.waybill.dead_letters.held(sqlite_web.waybill.clock() + timedelta(seconds=1))
    answer = sqlite_web.client.post(f"{LETTERS}/{held.letter_id}/discard", json={"reason": "x"})
    assert answer.status_code == 409
    assert answer.json()["detail"].endswith("is held and no dead letter yet: it waits for what it names")


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "detail"),
    [
        ("GET", "?colour=red", None, 400, "colour: is no parameter here; there are subject, source, "),
        ("GET", "?by=colour", None, 400, "by: 'colour' must be some of source, type, reason, "),
        ("GET", "?since=1h&since=2h", None, 400, "since: is given 2 times; give it once"),
        ("GET", "?until=999999w", None, 400, "until: 999999w ago is before the year 1"),
        ("GET", "?older_than=999999w", None, 400, "older_than: 999999w ago is before the year 1"),
        ("GET", "?older_than=soon", None, 400, "older_than: 'soon' is not an age; give a number with m, h, d or w"),
        ("GET", "?verdict=applied", None, 400, "verdict: 'applied' must be one of malformed, refused, held"),
        ("GET", "/orders/0/7", None, 404, "no dead letter has the id orders/0/7"),
        ("GET", "/orders/0/7/discard", None, 405, "this is done with POST"),
        ("POST", "/orders/0/7/discard", {"reason": "x"}, 404, "no dead letter has the id orders/0/7"),
        ("POST", "/orders/0/7/discard", {"reason": " "}, 400, "reason: "),
        ("POST", "/orders/0/7/discard", {}, 400, "reason: Field required"),
        ("POST", "/orders/0/7/redrive?dry_run=perhaps", {}, 400, "dry_run: 'perhaps' is neither true nor false"),
    ],
)
def test_what_is_wrong_is_told_as_a_problem(
    sqlite_web: Served, method: str, path: str, body: Any, status: int, detail: str
) -> None:
    answer = sqlite_web.client.request(method, f"{LETTERS}{path}", json=body)
    assert answer.status_code == status, answer.text
    assert answer.json()["detail"].startswith(detail)
