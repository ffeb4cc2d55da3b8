"""How an answer that takes long, or has no end, hears of the server's stop."""

from fastapi import Request


def stops(request: Request) -> bool:
    """Whether the server stops: it waits until the answers that have begun are finished."""
    stop = getattr(request.app.state, "stop", None)
    return stop is not None and bool(stop.is_set())
