"""given totals over orders that come and go, then a sum of nothing has no row, however the rows came about."""

import json
from pathlib import Path

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.rebuild.rebuild import Rebuild
from infra.queries.known_names import KnownNames
from infra.settings import Settings
from infra.store.operator_log import Who
from projections.catalogue import PROJECTIONS
from tests.integration.messages import cancelled, placed
from tests.stores.conftest import StoreUrl
from tests.stores.everything import assert_same_rows, projected_rows_of

TABLE = "rep_open_orders"
EARLY, LATER, PROMISE = "2026-04-01T08:00:00Z", "2026-04-02T08:00:00Z", "2026-04-09T16:00:00Z"
ORDERS = 12


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Each order has a rep of its own; every second one is cancelled, and its rep holds nothing then."""
    path = tmp_path_factory.mktemp("floor") / "floor.jsonl"
    sent = [placed(f"SO-{one}", EARLY, PROMISE, rep_id=f"rep-{one}") for one in range(ORDERS)]
    sent += [cancelled(f"SO-{one}", LATER) for one in range(0, ORDERS, 2)]
    # and what nobody holds is a total of its own
    sent += [placed("SO-NOBODY", EARLY, PROMISE, rep_id=None), cancelled("SO-NOBODY", LATER)]
    path.write_text("".join(json.dumps(each) + "\n" for each in sent))
    return path


def kept(url: str, batch_events: int, floor: Path) -> Waybill:
    """A store whose views are kept up to date with so many events at once."""
    waybill = Waybill(Settings(store=url, batch_events=batch_events))
    waybill.ingest().read(JsonLines.of_file(floor, batch_lines=ORDERS + 1))
    waybill.project()
    return waybill


def test_views_that_were_kept_event_by_event_are_those_made_at_once_row_for_row(
    new_store: StoreUrl, floor: Path
) -> None:
    with kept(new_store(), 3, floor) as often, kept(new_store(), 100, floor) as at_once:
        expected = projected_rows_of(at_once)
        assert [row[0] for row in expected[TABLE]] == sorted(f"rep-{one}" for one in range(1, ORDERS, 2))
        # then the totals of reps who hold nothing any more are gone, as though they had never been
        assert_same_rows(projected_rows_of(often), expected)
        # and a rebuild changes nothing
        Rebuild(often, Who("ann", "to compare")).run(PROJECTIONS)
        assert_same_rows(projected_rows_of(often), expected)


def test_a_rep_whose_last_open_order_was_closed_holds_no_work(new_store: StoreUrl, floor: Path) -> None:
    with kept(new_store(), 3, floor) as waybill:
        known = KnownNames(waybill.engine)
        assert (known.holds_work("rep-0"), known.holds_work("rep-1")) == (False, True)
        assert sorted(known.reps_with_orders()) == sorted(f"rep-{one}" for one in range(1, ORDERS, 2))
