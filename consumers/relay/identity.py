"""Ids of records: a store always gives a record the same id, and a rebuilt store keeps the fact ids."""

from uuid import UUID, uuid5

from consumers.ingest.register import MessageKey

NAMESPACE = UUID("6f1b7c52-5a8e-5d0e-9a43-0d6f8f5b1c77")


def fact_id(key: MessageKey) -> str:
    """The id of a fact for followers: a UUID (version 5) of its source, id and subject, one a line."""
    return str(uuid5(NAMESPACE, "\n".join(key)))


def event_id(fact: str, revision: int) -> str:
    """The CloudEvents id of a fact that took effect (odd revisions) or ceased to (even ones)."""
    return f"{fact}.{revision}"


def verdict_id(*parts: object) -> str:
    """The CloudEvents id of a verdict's record, derived from everything that identifies it."""
    return str(uuid5(NAMESPACE, "\n".join(map(str, parts))))
