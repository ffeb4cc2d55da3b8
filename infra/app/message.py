"""Message: was it taken, and if not, why? By source and id, for its sender."""

from infra.app.container import Waybill
from infra.queries.malformed_claims import MalformedReport
from infra.queries.messages import MessageReport


def reports_of(waybill: Waybill, source: str, message_id: str) -> list[MessageReport | MalformedReport]:
    """The messages of this source and id, one a subject, then the malformed ones that claim to be it.

    A malformed message that was corrected under the same id is there beside the one that supersedes it.
    """
    return [*waybill.messages.find(source, message_id), *waybill.malformed_claims.find(source, message_id)]
