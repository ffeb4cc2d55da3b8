"""The event-sourced application: the library's, with our mapper and a recorder for batches."""

from typing import Any

from eventsourcing.application import Application, ProjectorFunction, Repository
from eventsourcing.utils import register_topic

from domain.streams import project_subject
from infra.store.events.mapper import EventMapper

register_topic("waybill.mapper", EventMapper)


class SubjectRepository(Repository[str]):
    """The library's repository. Any event may be a stream's first, so it projects with `project_subject`."""

    def get(
        self,
        aggregate_id: str,
        *,
        version: int | None = None,
        projector_func: ProjectorFunction[Any, Any] = project_subject,
        fastforward_skipping: bool = False,
        deepcopy_from_cache: bool = True,
    ) -> Any:
        """The subject whose stream has this name. Raises AggregateNotFoundError if it has no events."""
        return super().get(
            aggregate_id,
            version=version,
            projector_func=projector_func,
            fastforward_skipping=fastforward_skipping,
            deepcopy_from_cache=deepcopy_from_cache,
        )


class Fulfillment(Application[str]):
    """Subjects as streams of events; `repository.get("order-SO-10248")` gives one."""

    name = "waybill"

    def construct_repository(self) -> SubjectRepository:
        return SubjectRepository(event_store=self.events, snapshot_store=self.snapshots)
