"""Why a store cannot be restored from an archive."""


class CannotRestoreError(Exception):
    """The store or the archive does not allow a restore; the message says why and what to do."""
