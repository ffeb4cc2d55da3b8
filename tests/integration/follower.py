"""Whoever follows what the relay tells, as docs/relay.md says how."""

import json
from collections.abc import Iterable
from typing import Any

Message = tuple[str, str, str]
"""Source, id and subject."""


class Follower:
    """Folds the records of waybill.events, in any order, some of them twice."""

    def __init__(self) -> None:
        self._newest: dict[str, tuple[int, Message]] = {}

    def hear(self, values: Iterable[bytes]) -> "Follower":
        for value in values:
            event = json.loads(value)
            message = (event["messagesource"], event["messageid"], event["subject"])
            heard = (event["revision"], message)
            self._newest[event["factid"]] = max(heard, self._newest.get(event["factid"], heard))
        return self

    @property
    def in_effect(self) -> set[Message]:
        """The messages whose facts are in effect."""
        return {message for revision, message in self._newest.values() if revision % 2}


def verdicts_after(values: Iterable[bytes]) -> dict[Message, str]:
    """The latest verdict of each message of which waybill.verdicts tells: all others were applied and still are.

    What only came again has no stream, and says nothing of the message's own verdict.
    """
    latest: dict[Message, str] = {}
    for value in values:
        data: dict[str, Any] = json.loads(value)["data"]
        if data["stream"] is not None:
            latest[data["source"], data["id"], data["subject"]] = data["verdict"]
    return latest
