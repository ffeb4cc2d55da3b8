"""given a process that serves, then it is measured and probed among its pages."""

import json

from infra.app.status import read_status
from tests.integration.messages import placed
from tests.stores.conftest import StoreUrl
from tests.web.conftest import Served, served_web
from tests.web.test_events import EARLY, PROMISE, post


def test_requests_are_counted_by_route_and_status(sqlite_web: Served) -> None:
    post(sqlite_web, placed("SO-1", EARLY, PROMISE))
    post(sqlite_web, b"no JSON")
    sqlite_web.client.get("/no-such-page")
    sqlite_web.client.get("/v1/messages/%2Fcrm/O-1")

    lines = sqlite_web.client.get("/metrics").text.splitlines()

    assert 'waybill_http_requests_total{route="/v1/events",status="2xx"} 1.0' in lines
    assert 'waybill_http_requests_total{route="/v1/events",status="4xx"} 1.0' in lines
    assert 'waybill_http_requests_total{route="other",status="4xx"} 1.0' in lines
    assert 'waybill_http_requests_total{route="/v1/messages/{source}/{message_id}",status="4xx"} 1.0' in lines
    assert 'waybill_http_request_seconds_count{route="/v1/events"} 2.0' in lines
    assert 'waybill_messages_received_total{source="/order-entry",verdict="applied"} 1.0' in lines
    assert 'waybill_batch_size_count{part="serve"} 2.0' in lines
    assert "waybill_http_queue_messages 0.0" in lines


def test_the_probes_tell_of_the_part_that_serves(web: Served) -> None:
    for path in ("/healthz", "/readyz"):
        answer = web.client.get(path)
        assert answer.status_code == 200, answer.text
        assert [part["part"] for part in answer.json()["parts"]] == ["serve"]


def test_each_process_has_a_feed_of_its_own_which_is_no_partition(new_store: StoreUrl) -> None:
    store = new_store()
    with served_web(store) as one, served_web(store) as other:
        for web, order in ((one, "SO-1"), (other, "SO-2"), (one, "SO-3"), (other, "SO-1")):
            assert post(web, placed(order, EARLY, PROMISE)).status_code == 200
        status = read_status(one.waybill)
        assert not status.partitions
        assert (status.books.applied, status.books.duplicate) == (3, 1)
        assert json.loads(other.client.get("/v1/messages/%2Forder-entry/SO-1.order.placed." + EARLY).text)
