"""given good messages that were damaged at random, when they are taken in, then each has exactly one verdict."""

import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.app.verify import verify_store
from infra.queries.books import kept, recounted
from infra.queries.views import Asked
from infra.settings import Settings
from infra.simulation import simulate
from infra.telemetry.logs import configure_logs
from projections.views.catalogue import VIEWS

UNTIL = datetime(2025, 6, 30, 16, tzinfo=UTC)
GOOD = list(simulate(12, 4, UNTIL, 0.1))
BATCH = 7
EXAMPLES = (settings.get_profile(settings.get_current_profile_name()).max_examples + 3) // 4
"""Each takes a store of its own, so there are fewer of them than of other properties."""

ODD_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**63, 10**30, 0.5, 1e300, "", "0", "-1", "1.0000001", "1e5", "NaN", "x" * 201, "a\0b",
    "\ud800", [], {}, [{}], [None], {"a": {"b": []}}, "2025-06-01T00:00:00Z", "2025-06-01T00:00:00",
    "9999-12-31T23:59:59Z", "0001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "b2b", "USD", "JPY", "S1",
    "shipment.cancelled.v1",
)  # fmt: skip


def paths_of(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The ways to all that is in a document."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path, *(way for name, part in inside for way in paths_of(part, (*path, name)))]


@st.composite
def with_another_value(draw: st.DrawFn) -> bytes:
    """Another value somewhere, one from another message perhaps, or none."""
    document = _a_document(draw)
    for _ in range(draw(st.integers(1, 2))):
        *way, last = draw(st.sampled_from([path for path in paths_of(document) if path]))
        inside = document
        for step in way:
            inside = inside[step]
        match draw(st.sampled_from(("odd", "odd", "another", "none"))):
            case "odd":
                inside[last] = draw(st.sampled_from(ODD_VALUES))
            case "another":
                inside[last] = draw(st.sampled_from(list(_a_document(draw).values())))
            case _:
                del inside[last]
    return json.dumps(document).encode()


@st.composite
def with_other_bytes(draw: st.DrawFn) -> bytes:
    """Some bytes are gone and others are there. A newline among them makes two lines of one."""
    line = draw(st.sampled_from(GOOD))
    for _ in range(draw(st.integers(1, 3))):
        start = draw(st.integers(0, len(line)))
        line = line[:start] + draw(st.binary(max_size=4)) + line[start + draw(st.integers(0, 6)) :]
    return line


def _a_document(draw: Callable[..., Any]) -> dict[str, Any]:
    good = [line for line in GOOD if _is_document(line)]
    return dict(json.loads(draw(st.sampled_from(good))))


def _is_document(line: bytes) -> bool:
    try:
        return isinstance(json.loads(line), dict)
    except ValueError:
        return False


lines = st.lists(st.one_of(with_another_value(), with_other_bytes(), st.sampled_from(GOOD)), min_size=1, max_size=40)


@settings(max_examples=EXAMPLES)
@given(sent=lines)
def test_damaged_messages(sent: list[bytes]) -> None:
    content = b"\n".join(sent)
    expected = sum(bool(line.strip(b" \t\r\n")) for line in content.split(b"\n"))
    with TemporaryDirectory() as folder:
        chosen = Settings(store=f"sqlite:///{Path(folder) / 'fuzz.db'}", log_level="error")
        configure_logs(chosen)
        with Waybill(chosen) as service:
            # when they are taken in
            ingest = service.ingest()
            source = JsonLines("fuzz", lambda: io.BytesIO(content), batch_lines=BATCH)
            feed_id = ingest.read(source).feed_id
            service.project()
            ingest.finish(feed_id)

            # then each has one verdict, and the books balance, by whatever way they are counted
            assert sum(service.register.tally(feed_id).values()) == expected
            books = read_status(service).books
            assert books.received == expected
            assert books.received == books.applied + books.duplicate + books.held + books.dead
            assert kept(service.engine) == recounted(service.engine)
            for letter in service.dead_letters.dead(service.clock(), discarded=True):
                assert letter.reason
                assert letter.reason.isprintable()

            # and what is derived can be derived again, and asked for
            assert verify_store(service).findings == []
            for view in VIEWS:
                service.views.ask(view, Asked(UNTIL))
                service.views.ask(view, Asked())
