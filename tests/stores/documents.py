"""Messages as documents, taken into a store."""

import json

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.app.ingest import ingest_source
from tests.integration.messages import Document


def take_in(waybill: Waybill, *documents: Document) -> None:
    """Take in these messages, as a file of them is, and project."""
    lines = [json.dumps(document).encode() for document in documents]
    with ingest_source(waybill, JsonLines.of_one_batch("desk", lines)):
        pass
