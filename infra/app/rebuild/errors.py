"""Why a rebuild, a way back or a drop did not happen."""


class RebuildStoppedError(Exception):
    """A projection cannot take an event, which the message names. Nothing has changed for those who query."""


class NewerServesError(Exception):
    """Versions of newer code serve."""


class RebuildRunsError(Exception):
    """Another process rebuilds on this store."""


class UnknownKeyError(Exception):
    """No projection has a subject with this id, neither events nor rows."""


class UnfitRowsError(Exception):
    """Rows that were made elsewhere cannot be loaded into this store; the message says why. Nothing has changed."""
