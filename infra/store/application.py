"""The event-sourced application: the library's, with our events' mapper and recorder."""

from eventsourcing.application import Application
from eventsourcing.utils import register_topic

import domain.account.events
import domain.order.events
import domain.record
import domain.rep.events  # noqa: F401  (importing them registers the events' topics)
from infra.store.mapper import EventMapper
from infra.store.sqlite.recorder import RegisteringRecorder

register_topic("waybill.mapper", EventMapper)
register_topic("waybill.sqlite", RegisteringRecorder)

LOCK_TIMEOUT_SECONDS = 60


class Fulfillment(Application[str]):
    """Orders, reps and accounts as streams of events; `repository.get("order-SO-10248")` gives one."""

    name = "waybill"

    @classmethod
    def on_sqlite(cls, path: str) -> "Fulfillment":
        return cls(
            env={
                "PERSISTENCE_MODULE": "eventsourcing.sqlite",
                "SQLITE_DBNAME": path,
                "SQLITE_LOCK_TIMEOUT": str(LOCK_TIMEOUT_SECONDS),
                "ORIGINATOR_ID_TYPE": "text",
                "MAPPER_TOPIC": "waybill.mapper",
                "APPLICATION_RECORDER_TOPIC": "waybill.sqlite",
            }
        )
