"""given a store with wrong messages, when an operator acts on pages, then it is as the command does it, and told."""

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from html import unescape
from threading import Event
from typing import Any

import httpx
import pytest
from sqlalchemy import delete, update

from consumers.sources.json_lines import JsonLines
from domain.checkpoint import CheckpointMovedError
from domain.operator.acts import OperatorAct
from infra.app.container import _projector_role
from infra.app.dead_letters.discard import discard
from infra.app.dead_letters.group import group_letters, merged_groups
from infra.app.ingest import ingest_source
from infra.app.pause import pause
from infra.app.rebuild.standing import RebuildStandings
from infra.queries.books import books_of_sources, kept
from infra.queries.dead_letters import UntakenMessage
from infra.store.events.history import History
from infra.store.projected.builds import ProjectionBuilds
from infra.store.projected.tables import stored_tables
from infra.store.register.tables import malformed_messages
from infra.web.security.principal import Principal, Role
from projections.order_states import ORDER_STATES
from projections.shipments import SHIPMENTS
from tests.integration.messages import Document, booked, cancelled, confirmed, message, placed
from tests.web.conftest import Served

EARLY, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"
ORDER = placed("SO-1", EARLY, PROMISE)
BOOKING = booked("SO-1", "2025-03-04T09:00:00Z", PROMISE)
REFUSED = message("order.rescheduled", "SO-1", "2025-03-06T09:00:00Z", {"promised_by": "2025-03-12", "reason": "x"})
HOSTILE = "<script>alert('x')</script>\"onload=\"\u202egnp.exe"
LETTERS = "/operations/dead-letters"
READER = Principal("bob", frozenset({Role.READ}))


def hears(web: Served, *documents: Document | bytes, of: str = "desk") -> None:
    """Take in what need not be well-formed."""
    lines = [said if isinstance(said, bytes) else json.dumps(said).encode() for said in documents]
    with ingest_source(web.waybill, JsonLines.of_one_batch(of, lines)):
        pass


def one_refused(web: Served) -> UntakenMessage:
    hears(web, ORDER, cancelled("SO-1", "2025-03-05T09:00:00Z"), REFUSED)
    (letter,) = dead(web)
    return letter


def timeless(order: str, **envelope: Any) -> Document:
    """An order that is malformed: its time has no offset."""
    return placed(order, "2025-03-03T09:00:00", PROMISE, **envelope)


def dead(web: Served) -> list[UntakenMessage]:
    return web.waybill.dead_letters.dead(web.waybill.clock())


def text_of(answer: httpx.Response) -> str:
    return unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", answer.text)))


def get(web: Served, path: str, **parameters: Any) -> str:
    answer = web.client.get(path, params=parameters or None)
    assert answer.status_code == 200, answer.text
    return text_of(answer)


def post(web: Served, path: str, **fields: Any) -> httpx.Response:
    return web.client.post(path, data=fields, follow_redirects=True)


def acts(web: Served) -> list[tuple[str, Mapping[str, Any], str]]:
    """What ann did: the acts in her stream with their fields and reasons."""
    told = web.waybill.history.stream("operator-ann")
    return [(type(act).__name__, act.detail, act.reason) for _, act in told if isinstance(act, OperatorAct)]


# -- the page ----------------------------------------------------------------------------------------------------


def test_the_books_are_counted_by_source_and_add_up_on_either_store(web: Served) -> None:
    hears(web, ORDER, ORDER, BOOKING, timeless("SO-2"), placed("SO-3", EARLY, PROMISE, source="/crm"), b"\xff\xfe")
    hears(web, confirmed("SO-9", "2025-03-05T09:00:00Z"), timeless("SO-2"), of="again")

    counted = books_of_sources(web.waybill.engine)

    assert {one.source: one[1:-1] for one in counted} == {
        "/order-entry": (6, 2, 2, 1, 0, 1),
        "/crm": (1, 1, 0, 0, 0, 0),
        None: (1, 0, 0, 0, 0, 1),
    }
    totals = kept(web.waybill.engine)
    assert {verdict: sum(getattr(one, verdict) for one in counted) for verdict in totals} == totals
    shown = get(web, "/operations")
    assert "/order-entry 6 2 2 1 0 1" in shown
    assert "source unknown 1 0 0 0 0 1" in shown


def test_what_is_wrong_stands_first_with_what_to_do(sqlite_web: Served) -> None:
    hears(sqlite_web, ORDER)
    pause(sqlite_web.waybill, "order_states", "ann", "the disk is full")
    hears(sqlite_web, BOOKING, of="more")

    shown = get(sqlite_web, "/operations")

    assert shown.index("order_states") < shown.index("The books")
    assert "waybill resume order_states" in shown
    assert re.search(r"order_states paused 2 \d+ \d+ paused .* by ann: the disk is full", shown)


def test_everything_is_checked_when_asked(sqlite_web: Served) -> None:
    assert "Kafka was not asked" in get(sqlite_web, "/operations")
    assert "Kafka was not asked" not in get(sqlite_web, "/operations", check="all")


def test_who_may_only_read_sees_no_button(sqlite_web: Served) -> None:
    letter = one_refused(sqlite_web)
    sqlite_web.principal = READER
    for path in ("/operations/parts/relay", LETTERS, f"{LETTERS}/letter?id={letter.letter_id}"):
        answer = sqlite_web.client.get(path)
        assert "sign in with a key that has the role operate" in text_of(answer), path
        assert 'method="post"' not in answer.text.replace('action="/sign-out" method="post"', ""), path


# -- pause, rebuild, diff ----------------------------------------------------------------------------------------


def test_a_part_is_paused_with_a_reason_and_resumed_on_either_store(web: Served) -> None:
    shown = text_of(post(web, "/operations/parts/order_states/pause", reason="the disk is full"))

    assert "by ann : the disk is full" in shown
    assert web.waybill.pauses()["order_states"].reason == "the disk is full"
    again = text_of(post(web, "/operations/parts/order-states/pause", reason="another"))
    assert "was paused before; that pause and its reason stay" in again
    post(web, "/operations/parts/order_states/resume", reason="there is room")
    assert web.waybill.pauses() == {}
    assert "was not paused" in text_of(post(web, "/operations/parts/order_states/resume"))
    assert acts(web) == [
        ("PartPaused", {"part": "order_states"}, "the disk is full"),
        ("PartResumed", {"part": "order_states"}, "there is room"),
    ]


def test_nothing_is_paused_without_a_reason(sqlite_web: Served) -> None:
    answer = post(sqlite_web, "/operations/parts/relay/pause", reason=" ")

    assert (answer.status_code, sqlite_web.waybill.pauses()) == (422, {})
    assert "Say why" in text_of(answer)


def test_an_unknown_part_is_told_with_those_that_there_are(sqlite_web: Served) -> None:
    answer = sqlite_web.client.get("/operations/parts/colours")
    assert answer.status_code == 404
    assert "the parts are order_states" in answer.json()["detail"]


def test_a_diff_shows_the_rows_that_a_rebuild_changes_and_the_rebuild_changes_them(web: Served) -> None:
    hears(web, ORDER, placed("SO-2", EARLY, PROMISE))
    rows = next(iter(stored_tables(ORDER_STATES).values()))
    with web.waybill.engine.begin() as connection:
        connection.execute(delete(rows).where(rows.c.order_id == "SO-1"))
    assert "A rebuild would change rows of order_states" in get(web, "/operations/parts/order_states/diff")
    assert "SO-1" in get(web, "/operations/parts/order_states/diff")

    answer = post(web, "/operations/parts/order_states/rebuild", reason="a row was lost")

    assert answer.url.path == "/operations/parts/order_states"
    told = until_it_ends(web)
    assert told["state"] == "done" and "order_states: build 1 of version" in told["text"]
    assert "serves at position" in get(web, "/operations/parts/order_states")
    assert "A rebuild would change nothing" in get(web, "/operations/parts/order_states/diff")
    ((name, detail, reason),) = acts(web)
    assert (name, detail["projection"], reason) == ("ProjectionRebuilt", "order_states", "a row was lost")


def test_one_diff_is_made_at_a_time(sqlite_web: Served) -> None:
    with sqlite_web.web.one_diff:
        answer = sqlite_web.client.get("/operations/parts/shipments/diff")
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "10")
    assert "A rebuild would change nothing" in get(sqlite_web, "/operations/parts/shipments/diff")


def until_it_ends(web: Served) -> dict[str, Any]:
    """What the stream tells last of the rebuild that this server runs."""
    with web.client.stream("GET", "/operations/rebuilds") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        for line in answer.iter_lines():
            if line.startswith("data: "):
                told: dict[str, Any] = json.loads(line.removeprefix("data: "))["rebuilds"][0]
                if told["state"] not in ("running", "begun"):
                    return told
    raise AssertionError("the stream ended before the rebuild")


def test_a_rebuild_that_stops_names_the_event(sqlite_web: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    hears(sqlite_web, ORDER, BOOKING)
    second = sqlite_web.waybill.history.stream("order-SO-1")[1]

    def shape(settled: Any) -> Any:
        raise ZeroDivisionError("a share of nothing")

    wrong = SHIPMENTS.__class__(**{**vars(SHIPMENTS), "shape": shape})
    monkeypatch.setattr("infra.web.pages.rebuilds.projections_named", lambda name: [wrong])
    post(sqlite_web, "/operations/parts/shipments/rebuild")

    told = until_it_ends(sqlite_web)
    assert told["state"] == "stopped"
    assert re.search(rf"position [1-{second.position}] of order-SO-1 .*a share of nothing", told["text"])
    assert "Nothing has changed" in get(sqlite_web, "/operations/parts/shipments")


def test_a_rebuild_that_was_cut_off_is_told_and_continued(sqlite_web: Served) -> None:
    hears(sqlite_web, ORDER, BOOKING)
    waybill = sqlite_web.waybill
    ProjectionBuilds(waybill.engine, waybill.clock).begin([SHIPMENTS], waybill.history.head())

    for path in ("/operations", "/operations/parts/shipments"):
        assert "A rebuild of shipments has begun filling the new rows: 0 of 2 events" in get(sqlite_web, path)
    assert "Continue the rebuild" in get(sqlite_web, "/operations/parts/shipments")
    post(sqlite_web, "/operations/parts/shipments/rebuild")
    assert until_it_ends(sqlite_web)["state"] == "done"


def test_what_fails_after_the_new_rows_serve_is_told_by_itself(
    sqlite_web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    hears(sqlite_web, ORDER, BOOKING)

    def drop(*_: Any, **__: Any) -> None:
        raise OSError("no room to drop")

    monkeypatch.setattr("infra.app.rebuild.rebuild.drop_earlier", drop)
    post(sqlite_web, "/operations/parts/shipments/rebuild")

    told = until_it_ends(sqlite_web)
    assert told["state"] == "done"
    assert re.search(r"shipments: build 1 of version \d+ serves .*no room to drop.*serve all the same", told["text"])
    assert "Nothing has changed" not in told["text"]
    assert [name for name, *_ in acts(sqlite_web)] == ["ProjectionRebuilt"]


def test_how_far_rebuilds_are_can_be_asked_by_several_at_once(
    sqlite_web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    hears(sqlite_web, ORDER, BOOKING)
    waybill = sqlite_web.waybill
    ProjectionBuilds(waybill.engine, waybill.clock).begin([SHIPMENTS], waybill.history.head())
    standings, count = RebuildStandings(waybill), History.count_of_kinds

    def another_asks_meanwhile(history: History, *asked: Any) -> int:
        with monkeypatch.context() as then:
            then.setattr(History, "count_of_kinds", count)
            then.setattr("infra.app.rebuild.standing.begun_rebuilds", lambda connection: [])
            assert standings() == []
        return count(history, *asked)

    monkeypatch.setattr(History, "count_of_kinds", another_asks_meanwhile)

    (standing,) = standings()

    assert (standing.name, standing.done, standing.total) == ("shipments", 0, 2)


def test_an_act_is_stored_and_answered_although_another_process_leads_and_does_not_project(web: Served) -> None:
    hears(web, timeless("SO-1"))
    (letter,) = dead(web)
    leader = web.waybill.backend.leadership(_projector_role())
    assert leader.claim()
    try:
        path = f"/v1/dead-letters/{letter.letter_id}/discard"
        answer = web.client.post(path, json={"reason": "a test"}, timeout=10)
    finally:
        leader.close()
    assert answer.status_code == 200, answer.text
    assert dead(web) == []
    assert web.waybill.lag() == 1
    # and the next act lets the views follow
    post(web, "/operations/parts/relay/pause", reason="a test")
    assert web.waybill.lag() == 0


def test_a_server_that_stops_does_not_wait_for_the_views(sqlite_web: Served) -> None:
    hears(sqlite_web, timeless("SO-1"))
    leader, stopped = sqlite_web.waybill.backend.leadership(_projector_role()), Event()
    discard(sqlite_web.waybill, [dead(sqlite_web)[0].letter_id], "ann", "a test")
    assert leader.claim()
    stopped.set()
    try:
        sqlite_web.web.project_briefly(stopped)
    finally:
        leader.close()
    assert sqlite_web.waybill.lag() == 1


def test_a_server_that_stops_tells_that_its_rebuild_continues_when_it_is_begun_again(sqlite_web: Served) -> None:
    hears(sqlite_web, ORDER, BOOKING)
    sqlite_web.web.rebuilds.close()

    post(sqlite_web, "/operations/parts/shipments/rebuild")

    told = until_it_ends(sqlite_web)
    assert told["state"] == "stopped"
    assert "rebuilding again continues where it stood" in told["text"]
    shown = get(sqlite_web, "/operations/parts/shipments")
    assert "A rebuild of shipments has begun filling the new rows: 2 of 2 events" in shown
    assert "Continue the rebuild" in shown


def test_a_retry_that_does_not_get_between_the_batches_of_a_projector_is_told(
    sqlite_web: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never_between(*_: Any, **__: Any) -> None:
        raise CheckpointMovedError("position 7, not 6")

    monkeypatch.setattr("infra.web.pages.operations.retry_parked", never_between)

    answer = post(sqlite_web, "/operations/parts/shipments/retry")

    assert answer.status_code == 409
    assert "shipments is busy with other events" in text_of(answer)


# -- dead letters ------------------------------------------------------------------------------------------------


def test_letters_are_grouped_by_what_they_have_in_common_and_filtered_by_the_address(web: Served) -> None:
    hears(web, timeless("SO-1"), timeless("SO-2"), timeless("SO-3", source="/crm"), b"\xff\xfe")

    shown = get(web, LETTERS)

    assert "2 /order-entry order.placed.v1 time: must carry an offset" in shown
    assert "1 /crm order.placed.v1 time: must carry an offset" in shown
    assert "1 unknown unknown message: must be UTF-8" in shown
    for parameters, count in (
        ({"source": "/crm"}, 1),
        ({"matching": "OFFSET", "verdict": "malformed"}, 3),
        ({"shape": "time: must carry an offset, such as Z or +01:00 at its end"}, 3),
        ({"without": "source"}, 1),
        ({"until": "1d"}, 0),
        ({"older_than": "0m", "by": "verdict"}, 4),
        ({"limit": "1"}, 4),
        ({"limit": "1", "without": "subject"}, 1),
    ):
        assert f"Dead letters {count} wait for somebody" in get(web, LETTERS, **parameters), parameters
    assert "The oldest 1 of 4" in get(web, LETTERS, limit="1")


def test_the_store_counts_letters_as_if_each_was_read(web: Served) -> None:
    wrong = [timeless("SO-1"), timeless("SO-2", type="x"), timeless("SO-3", source="/crm"), timeless("SO-3")]
    hears(web, *wrong, b"\xff\xfe", confirmed("SO-8", EARLY), confirmed("SO-9", EARLY))
    kept, now = web.waybill.dead_letters, web.waybill.clock() + timedelta(seconds=1)
    for by in (("source", "type", "reason"), ("reason",), ("verdict",), ("topic", "subject")):
        assert merged_groups(kept.alike_dead(by, now), by) == group_letters(kept.dead(now), by), by
        assert merged_groups(kept.alike_held(by, now), by) == group_letters(kept.held(now), by), by
    assert kept.count_held(now) == len(kept.held(now)) == 2
    ids = [letter.letter_id for letter in (*kept.dead(now), *kept.held(now))]
    assert kept.waiting_among(now, ids) == {letter.letter_id for letter in kept.held(now)}


def test_a_filter_that_makes_no_sense_is_told(sqlite_web: Served) -> None:
    for parameters, told in (
        ({"verdict": "lost"}, "verdict: 'lost' must be one of malformed, refused, held"),
        ({"since": "soon"}, "since: 'soon' is not an instant"),
        ({"older_than": "soon"}, "older_than: 'soon' is not an age"),
        ({"by": "colour"}, "by: 'colour' must be some of"),
        ({"without": "colour"}, "without: 'colour' must be one of"),
    ):
        answer = sqlite_web.client.get(LETTERS, params=parameters)
        assert answer.status_code == 400, parameters
        assert answer.json()["detail"].startswith(told)


def test_many_are_discarded_after_their_number_was_confirmed_and_restored_by_the_undo(web: Served) -> None:
    hears(web, timeless("SO-1"), timeless("SO-2"), timeless("SO-3", source="/crm"))
    mine = {"source": "/order-entry"}

    asked = post(web, f"{LETTERS}/discard", **mine)

    assert "Discard 2 letters?" in text_of(asked)
    assert acts(web) == []
    done = post(web, f"{LETTERS}/discard", **mine, confirmed=confirmed_of(asked), reason="a load test")
    assert "2 letters discarded" in text_of(done)
    assert [letter.source for letter in dead(web)] == ["/crm"]
    assert [(name, reason) for name, _, reason in acts(web)] == [("DeadLetterDiscarded", "a load test")] * 2
    (undo,) = re.findall(r'href="([^"]*)">Undo', done.text)
    assert "2 discarded" in get(web, unescape(undo))
    by_ann = {"discarded_by": "ann", "source": "/order-entry"}
    asked = post(web, f"{LETTERS}/restore", **by_ann)
    assert "Restore 2 letters?" in text_of(asked)
    assert "2 restored" in text_of(post(web, f"{LETTERS}/restore", **by_ann, confirmed=confirmed_of(asked)))
    assert len(dead(web)) == 3


def test_a_discard_leaves_the_same_acts_as_the_command(sqlite_web: Served) -> None:
    hears(sqlite_web, timeless("SO-1"), timeless("SO-2"))
    first, second = [letter.letter_id for letter in dead(sqlite_web)]
    discard(sqlite_web.waybill, [first], "ann", "a load test")

    asked = post(sqlite_web, f"{LETTERS}/discard", letter_id=second)
    post(sqlite_web, f"{LETTERS}/discard", letter_id=second, confirmed=confirmed_of(asked), reason="a load test")

    (one, by_command), (other, by_page) = ((name, why) for name, _, why in acts(sqlite_web))
    assert (one, by_command) == (other, by_page)


def test_nothing_is_done_if_others_match_than_were_shown_or_if_nobody_says_why(sqlite_web: Served) -> None:
    hears(sqlite_web, timeless("SO-1"))
    shown = confirmed_of(post(sqlite_web, f"{LETTERS}/discard", source="/order-entry"))
    discard(sqlite_web.waybill, [dead(sqlite_web)[0].letter_id], "bob", "seen to")
    hears(sqlite_web, timeless("SO-2"), of="later")  # as many match as were shown, and none that was shown

    moved = post(sqlite_web, f"{LETTERS}/discard", source="/order-entry", confirmed=shown, reason="a test")
    now = confirmed_of(moved)
    silent = post(sqlite_web, f"{LETTERS}/discard", source="/order-entry", confirmed=now, reason=" ")
    everything = post(sqlite_web, f"{LETTERS}/discard", confirmed=now, reason="a test")

    assert (moved.status_code, silent.status_code, everything.status_code) == (422, 422, 400)
    assert "Other letters match now than were shown" in text_of(moved)
    assert "Say why" in text_of(silent)
    assert len(dead(sqlite_web)) == 1
    assert acts(sqlite_web) == []


def confirmed_of(asked: httpx.Response) -> str:
    """What the form confirms that asks whether to do it."""
    (digest,) = re.findall(r'name="confirmed" value="([^"]+)"', asked.text)
    return str(digest)


def test_a_redrive_of_many_is_tried_with_the_first_of_them(sqlite_web: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("infra.web.pages.dead_letters.MOST_TRIED", 2)
    hears(sqlite_web, *(timeless(f"SO-{number}") for number in range(3)))
    asked = text_of(post(sqlite_web, f"{LETTERS}/redrive"))
    assert "Tried just now with the first 2 of them, and rolled back: 3 letters would be redriven" in asked


def test_what_waits_is_not_discarded(sqlite_web: Served) -> None:
    hears(sqlite_web, confirmed("SO-9", "2025-03-05T09:00:00Z"))
    (held,) = sqlite_web.waybill.dead_letters.held(sqlite_web.waybill.clock() + timedelta(seconds=1))

    answer = post(sqlite_web, f"{LETTERS}/discard", letter_id=held.letter_id, confirmed="1", reason="a test")

    assert answer.status_code == 400
    assert "is held and no dead letter yet" in answer.json()["detail"]
    assert "1 wait for something that it names" in get(sqlite_web, "/operations/held")


def test_a_redrive_is_tried_before_it_is_done_on_either_store(web: Served) -> None:
    hears(web, BOOKING)
    hears(web, {**ORDER, "specversion": "0.3"}, of="earlier")
    (letter,) = dead(web)
    with web.waybill.engine.begin() as connection:  # as if an earlier contract had not taken it
        connection.execute(update(malformed_messages).values(body=json.dumps(ORDER).encode()))

    asked = post(web, f"{LETTERS}/redrive", letter_id=letter.letter_id)
    tried = text_of(asked)

    assert "2 verdicts would change" in tried
    assert f"{ORDER['id']} SO-1 order.placed.v1 malformed applied" in tried
    assert f"{BOOKING['id']} SO-1 shipment.booked.v1 held applied" in tried
    assert acts(web) == []
    done = post(web, f"{LETTERS}/redrive", letter_id=letter.letter_id, confirmed=confirmed_of(asked), reason="known")
    assert "1 letter redriven, 2 verdicts changed" in text_of(done)
    assert dead(web) == []
    assert acts(web) == [("DeadLettersRedriven", {"letters": 1, "changed": 2}, "known")]


# -- one letter --------------------------------------------------------------------------------------------------


def test_a_letter_is_shown_whole_with_the_fields_at_fault_and_its_order_then(web: Served) -> None:
    hears(web, ORDER, {**REFUSED, "time": "2025-03-06T09:00:00"})
    (letter,) = dead(web)

    answer = web.client.get(f"{LETTERS}/letter", params={"id": letter.letter_id[:9]}, follow_redirects=True)

    assert answer.url.params["id"] == letter.letter_id
    marked = (
        r"<mark>\s*&#34;time&#34;: &#34;2025-03-06T09:00:00&#34;,</mark> <span class=\"why\">← must carry an offset"
    )
    assert re.search(marked, answer.text)
    shown = text_of(answer)
    assert "Order SO-1 at that moment, as it was known then" in shown
    assert "OrderPlaced applied" in shown


def test_an_edit_that_does_not_fit_is_told_and_its_text_is_kept(sqlite_web: Served) -> None:
    hears(sqlite_web, timeless("SO-1"))
    (letter,) = dead(sqlite_web)
    for document, told in (
        (json.dumps({**ORDER, "type": "nonsense"}), "does not fit the contract: type: must be one of"),
        ("{", "the text must be JSON"),
        (json.dumps(timeless("SO-1")), "nothing would change"),
    ):
        answer = edit(sqlite_web, letter, document, "do")
        assert answer.status_code == 422, told
        assert told in text_of(answer)
        assert document in unescape(answer.text)
    assert edit(sqlite_web, letter, json.dumps(ORDER), "do", reason=" ").status_code == 422
    assert acts(sqlite_web) == []


def test_a_malformed_letter_is_edited_after_a_check_on_either_store(web: Served) -> None:
    hears(web, timeless("SO-1"))
    (letter,) = dead(web)
    document = json.dumps({**timeless("SO-1"), "time": EARLY})

    checked = text_of(edit(web, letter, document, "check", reason=""))

    assert "The copy would be applied" in checked
    assert acts(web) == []
    done = text_of(edit(web, letter, document, "do", reason="they left out the zone"))
    assert "The corrected copy was taken: it is applied" in done
    assert dead(web) == []
    ((name, detail, reason),) = acts(web)
    assert (name, detail["letter_id"], reason) == ("DeadLetterEdited", letter.letter_id, "they left out the zone")
    assert detail["changes"] == ('time: "2025-03-03T09:00:00" → "2025-03-03T09:00:00Z"',)


@pytest.mark.parametrize("is_json", [True, False])
def test_a_long_letter_is_cut_and_its_editor_is_the_command(sqlite_web: Served, is_json: bool) -> None:
    said = timeless("SO-1", note="x" * 300_000)
    hears(sqlite_web, said if is_json else json.dumps(said).encode()[:-1])
    (letter,) = dead(sqlite_web)

    answer = sqlite_web.client.get(f"{LETTERS}/letter", params={"id": letter.letter_id})

    assert 100_000 < len(answer.text) < 130_000
    assert "The rest is left out" in text_of(answer)
    assert f"waybill dead-letters edit {letter.letter_id} --file FILE" in text_of(answer)
    assert "<textarea" not in answer.text


def test_a_letter_as_long_as_the_page_shows_is_whole_and_is_edited(sqlite_web: Served) -> None:
    hears(sqlite_web, b"x" * 100_000)
    (letter,) = dead(sqlite_web)

    answer = sqlite_web.client.get(f"{LETTERS}/letter", params={"id": letter.letter_id})

    assert "The rest is left out" not in text_of(answer)
    edited = edit(sqlite_web, letter, json.dumps(timeless("SO-1", note="x" * 200_000)), "check")
    assert (edited.status_code, "does not fit the contract" in text_of(edited)) == (422, True)


def edit(web: Served, letter: UntakenMessage, document: str, act: str, reason: str = "why") -> httpx.Response:
    fields = {"letter_id": letter.letter_id, "document": document, "act": act, "reason": reason}
    return post(web, f"{LETTERS}/letter/edit", **fields)


def test_a_refused_letter_is_edited_into_a_copy_of_its_own(sqlite_web: Served) -> None:
    letter = one_refused(sqlite_web)
    document = json.dumps({**REFUSED, "time": "2025-03-04T09:00:00Z"})

    done = text_of(edit(sqlite_web, letter, document, "do"))

    assert "The corrected copy was taken: it is applied" in done
    assert [name for name, *_ in acts(sqlite_web)] == ["DeadLetterEdited"]


def test_what_senders_wrote_is_escaped_everywhere(sqlite_web: Served) -> None:
    wrong = {**timeless(HOSTILE, id=HOSTILE, source=HOSTILE), "type": HOSTILE}
    hears(sqlite_web, wrong, b"<img src=x onerror=alert(1)>\x00\x1b[31m\xff\xe2\x80\xae")
    hears(sqlite_web, confirmed(HOSTILE, "2025-03-05T09:00:00Z", source=HOSTILE, id=HOSTILE), of=HOSTILE)
    letters = dead(sqlite_web)
    paths = [
        "/operations",
        LETTERS,
        "/operations/held",
        *(f"{LETTERS}/letter?{httpx.QueryParams({'id': letter.letter_id})}" for letter in letters),
        f"/messages?{httpx.QueryParams({'source': HOSTILE, 'id': HOSTILE})}",
    ]
    assert len(paths) == 6
    for path in paths:
        answer = sqlite_web.client.get(path)
        assert answer.status_code == 200, path
        shown = re.sub(r'(value="|href=")[^"]*"', "", re.sub(r"<textarea.*?</textarea>", "", answer.text, flags=re.S))
        for raw in ("<script>alert", "<img src=x", "\u202e", "\x1b", "\x00", '"onload="'):
            assert raw not in shown, (path, raw)
        assert "<script>alert" not in answer.text and "<img src=x" not in answer.text
    asked = post(sqlite_web, f"{LETTERS}/discard", source=HOSTILE)
    assert "Discard 1 letter?" in text_of(asked)
    (back,) = re.findall(r'name="source" value="([^"]*)"', asked.text)
    assert unescape(back) == HOSTILE


# -- messages ----------------------------------------------------------------------------------------------------


def test_a_message_is_followed_from_its_bytes_to_rows_and_records(web: Served) -> None:
    hears(web, BOOKING)
    hears(web, ORDER, of="later")

    shown = get(web, "/messages", source=BOOKING["source"], id=BOOKING["id"])

    assert "shipment.booked.v1 about SO-1 applied" in shown
    assert "Earlier verdicts held until" in shown
    steps = ["Received", "ShipmentBooked held", "VerdictChanged applied", "Rows that differ because of it", "not sent"]
    places = [shown.index(step) for step in steps]
    assert places == sorted(places)
    assert "stage to_book booked" in shown


def test_a_message_is_found_by_the_id_of_its_letter(sqlite_web: Served) -> None:
    hears(sqlite_web, timeless("SO-1", id="O-1"))
    (letter,) = dead(sqlite_web)

    by_letter = sqlite_web.client.get("/messages", params={"id": letter.letter_id[:10]}, follow_redirects=True)
    claimed = get(sqlite_web, "/messages", source="/order-entry", id="O-1")
    unknown = sqlite_web.client.get("/messages", params={"source": "/order-entry", "id": "O-2"})

    assert by_letter.url.path == f"{LETTERS}/letter"
    assert "Malformed messages that claim this source and id" in claimed
    assert (unknown.status_code, "No message of this source and id is known" in text_of(unknown)) == (404, True)
    assert "Find a message" in get(sqlite_web, "/messages")
