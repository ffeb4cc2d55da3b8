"""Why nothing was pruned, or nothing brought back."""


class CannotPruneError(Exception):
    """Nothing can be pruned as things stand; the message says why and what to do first."""


class CannotUndoError(Exception):
    """An order cannot be brought back from this archive; the message says why. Nothing has changed."""
