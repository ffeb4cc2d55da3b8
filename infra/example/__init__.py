"""The messages of the tour (docs/tour.md): JSON Lines of CloudEvents, in order of arrival."""

from enum import StrEnum
from importlib.resources import files


class Part(StrEnum):
    """A file of messages beside this module, by its name without `.jsonl`."""

    TOUR = "tour"
    LATER = "later"


def messages(part: Part = Part.TOUR) -> bytes:
    """The lines of one part, each with its line break, in UTF-8."""
    return files(__name__).joinpath(f"{part}.jsonl").read_bytes()
