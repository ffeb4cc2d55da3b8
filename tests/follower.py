"""A follower of the relay, with the code from docs/relay.md."""

import json
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

PAGE = (Path(__file__).parents[1] / "docs" / "relay.md").read_text()

Message = tuple[str, str, str]
"""Source, id and subject."""


def _from_the_page() -> Callable[[Iterable[bytes]], Mapping[str, Any]]:
    (lines,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "def " in block]
    said: dict[str, Any] = {}
    exec(lines, said)
    return said["facts_in_effect"]  # type: ignore[no-any-return]


facts_in_effect = _from_the_page()


def messages_in_effect(values: Iterable[bytes]) -> set[Message]:
    """The messages whose facts are in effect, after these records of waybill.events."""
    return {
        (event["messagesource"], event["messageid"], event["subject"]) for event in facts_in_effect(values).values()
    }


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
