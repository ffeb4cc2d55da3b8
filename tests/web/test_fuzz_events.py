"""given anything at all posted to /v1/events, then each message has one verdict, and the books balance."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from infra.app.status import read_status
from infra.queries.books import kept, recounted
from infra.simulation import simulate
from tests.web.conftest import Served, served_web

GOOD = list(simulate(12, 4, datetime(2025, 6, 30, 16, tzinfo=UTC), 0))
STRUCTURED, BATCHED = "application/cloudevents+json", "application/cloudevents-batch+json"
EXAMPLES = (settings.get_profile(settings.get_current_profile_name()).max_examples + 2) // 3
"""Each posts several times and recounts the store, so there are fewer of them than of other properties."""
KEPT = (200, 413, 422)
"""The answers after which a message is in the store."""

odd_bytes = st.binary(max_size=40) | st.sampled_from(
    [b"", b"null", b"[]", b"{}", b"[" * 600, b'{"id":', b"\xff", b"1e999"]
)


@st.composite
def bodies(draw: st.DrawFn) -> bytes:
    """A good message, or one with bytes cut out and others put in."""
    body = draw(st.sampled_from(GOOD))
    if draw(st.booleans()):
        return body
    start = draw(st.integers(0, len(body)))
    return body[:start] + draw(odd_bytes) + body[start + draw(st.integers(0, 20)) :]


@st.composite
def batches(draw: st.DrawFn) -> bytes:
    """An array of messages, with odd separators at times."""
    between = draw(st.sampled_from([b",", b" ,\n", b"", b";"]) if draw(st.booleans()) else st.just(b","))
    return b"[" + between.join(draw(st.lists(bodies() | odd_bytes, max_size=4))) + b"]"


@st.composite
def headers(draw: st.DrawFn) -> dict[bytes, bytes]:
    """The attributes of a good message as headers, some left out, some odd."""
    message = json.loads(draw(st.sampled_from(GOOD)))
    found: dict[bytes, bytes] = {}
    for name, value in message.items():
        match draw(st.sampled_from(["good", "good", "good", "odd", "none"])):
            case "good" if name != "data":
                found[f"ce-{name}".encode()] = str(value).encode()
            case "odd":
                visible = st.integers(0x21, 0x7E) | st.integers(0x80, 0xFF)
                found[f"ce-{name}".encode()] = bytes(draw(st.lists(visible, max_size=20)))
    return found


posts: st.SearchStrategy[tuple[str, dict[bytes, bytes], bytes]] = st.one_of(
    st.tuples(st.just(STRUCTURED), st.just({}) | headers(), bodies() | odd_bytes),
    st.tuples(st.just(BATCHED), st.just({}) | headers(), batches() | odd_bytes),
    st.tuples(st.sampled_from(["application/json", "text/json", "a/b+json"]), headers(), bodies() | odd_bytes),
    st.tuples(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=20), headers(), odd_bytes),
)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder: Path = tmp_path_factory.mktemp("fuzz")
    with served_web(f"sqlite:///{folder}/waybill.db") as served:
        yield served


def received(answer: Any) -> int:
    """How many messages this answer acknowledges, each with a verdict."""
    if answer.status_code not in KEPT:
        return 0
    told = answer.json()
    verdicts = [one["verdict"] for one in (told if isinstance(told, list) else [told])]
    assert set(verdicts) <= {"applied", "duplicate", "held", "refused", "malformed"}
    return len(verdicts)


@settings(max_examples=EXAMPLES, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(posts, min_size=1, max_size=4))
def test_whatever_is_posted_the_books_balance(
    served: Served, several: list[tuple[str, dict[bytes, bytes], bytes]]
) -> None:
    before = read_status(served.waybill).books.received
    acknowledged = 0
    for content_type, more, body in several:
        fields = [(b"content-type", content_type.strip().encode()), *more.items()]
        answer = served.client.post("/v1/events", content=body, headers=fields)
        assert answer.status_code in (*KEPT, 400, 415), (answer.status_code, answer.text)
        assert "Traceback" not in answer.text
        acknowledged += received(answer)

    books = read_status(served.waybill).books
    assert books.received == before + acknowledged
    assert books.received == books.applied + books.duplicate + books.held + books.dead
    assert kept(served.waybill.engine) == recounted(served.waybill.engine)
