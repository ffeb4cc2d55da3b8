"""The event-sourced application: the library's, with our events' mapper and a recorder that is fit for batches."""

from eventsourcing.application import Application
from eventsourcing.utils import register_topic

import domain.account.events
import domain.order.events
import domain.record
import domain.rep.events  # noqa: F401  (importing them registers the events' topics)
from infra.store.events.codec import EventMapper

register_topic("waybill.mapper", EventMapper)


class Fulfillment(Application[str]):
    """Orders, reps and accounts as streams of events; `repository.get("order-SO-10248")` gives one."""

    name = "waybill"
