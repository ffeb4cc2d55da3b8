"""Check: validates messages offline, as ingest would read them. It needs no store and no Kafka."""

from consumers.check.checking import Checking
from consumers.contract import ReadingRules
from infra.app.container import system_clock
from infra.settings import Settings


def checking(settings: Settings, *, honour_recordedtime: bool, most: int) -> Checking:
    """A check with the size limit and the business zone of these settings; see Checking for `most`."""
    rules = ReadingRules(settings.max_message_bytes, honour_recordedtime, settings.time_zone)
    return Checking(rules, system_clock, most=most)
