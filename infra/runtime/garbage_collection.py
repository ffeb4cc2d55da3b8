"""Garbage collection settings for a process with many long-lived small objects and few reference cycles."""

import gc

# Reference counts free settlings and rows. With the default thresholds, the collector would scan all cached objects
# every few thousand messages and find nothing, which takes a seventh of the time. A batch creates about a hundred
# thousand objects and frees most of them, so this threshold is reached only after many batches.
YOUNG_OBJECTS = 1_000_000


def collect_rarely() -> None:
    """Call it before large imports, which make many objects and no garbage, and after them: what they made is never
    scanned. The little garbage among it is kept, because looking for it would cost a short command a tenth of a second.
    """
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 50)
