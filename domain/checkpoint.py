"""Checkpoints of projections, reactors and feeds. A checkpoint moves only by compare-and-set."""


class CheckpointMovedError(Exception):
    """Another process has moved the checkpoint, so this process has written nothing.

    Nothing is lost. Read the checkpoint again and continue from there.
    """
