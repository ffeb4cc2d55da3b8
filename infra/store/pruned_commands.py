"""The commands for pruned orders, as somebody types them: names and paths are quoted."""

from shlex import quote

from domain.pruning import PrunedStreamError, order_of


def of_archive(archive: str) -> str:
    """The option that names an archive."""
    return f"--archive {quote(archive)}"


def undo_command(archive: str, *order_ids: str) -> str:
    """The command that brings these orders back from this archive."""
    undone = " ".join(f"--undo {quote(order_id)}" for order_id in order_ids)
    return f"waybill prune {undone} {of_archive(archive)}"


def brought_back_by(error: PrunedStreamError) -> str:
    """What the error says, and the command that brings the order back."""
    pruned = error.pruned
    return f"{error}; to bring them back: {undo_command(pruned.archive, order_of(pruned))}"
