"""Two processes that write about one order, in turns."""

from pathlib import Path

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.status import read_status
from infra.queries.books import Books
from infra.settings import Settings
from tests.property.messages import message
from tests.unit.domain.facts import booked, dispatched, placed


def test_a_batch_of_repeats_does_not_hide_what_another_process_wrote(tmp_path: Path) -> None:
    one, two, three = (message("SO-1", fact).line for fact in (placed(8), booked(9), dispatched(10)))
    settings = Settings(store=f"sqlite:///{tmp_path / 'store.db'}")
    with Waybill(settings) as waybill, Waybill(settings) as another:
        # given
        ours, theirs = waybill.ingest(), another.ingest()
        ours.read(JsonLines.of_bytes("first", one))
        theirs.read(JsonLines.of_bytes("second", two))
        # when what we had comes to us again, and then something new
        ours.read(JsonLines.of_bytes("third", one))
        ours.read(JsonLines.of_bytes("fourth", three))
        # then
        assert read_status(waybill).books == Books(received=4, applied=3, duplicate=1, held=0, dead=0)
