"""Garbage collection in a process that holds many small objects for long, and makes few cycles."""

import gc

# Settlings and rows are freed by their reference counts. With the interpreter's own thresholds its collector would walk
# through all that is remembered every few thousand messages: a seventh of the time, to find nothing. A batch makes some
# hundred thousand objects and lets go of most of them, so this many are left over only after many batches.
YOUNG_OBJECTS = 1_000_000


def collect_rarely() -> None:
    """Call it once, when all is imported."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
