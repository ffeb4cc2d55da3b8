"""Checkpoints: how far a projection, a reactor or a feed has come. One moves by a compare-and-set alone."""


class CheckpointMovedError(Exception):
    """Another process has moved the checkpoint on: what this one was about to write was not written.

    It is nobody's fault and nothing is lost. Read the checkpoint again and go on from there.
    """
