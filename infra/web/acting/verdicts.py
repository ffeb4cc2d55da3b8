"""The verdict of an act in plain words, and what to do. Pure."""

from collections.abc import Sequence
from typing import NamedTuple


class ToDo(NamedTuple):
    """What is left to do on an order, and the act that does it."""

    words: str
    act: str


class Told(NamedTuple):
    """What became of an act. `tone` colours it (ok, quiet, risk, late); `reason` is the rule's own.

    `changed` is what changed, as the order's timeline has it. `to_do` is what is left.
    """

    tone: str
    headline: str
    reason: str
    advice: str
    changed: str = ""
    to_do: Sequence[ToDo] = ()


def told_of(verdict: str, what: str, reason: str) -> Told:
    """What to tell of the verdict of a message; `what` names its event, such as "Shipment booked"."""
    if verdict == "applied":
        return Told("ok", f"{what}: done.", "", "")
    if verdict == "duplicate":
        return Told("quiet", f"{what}: this is already so.", reason, "Nothing changed, and nothing needs to be done.")
    if verdict == "held":
        return Told(
            "risk",
            f"{what}: kept, but it waits.",
            reason,
            "It takes effect by itself when what it waits for has come.",
        )
    return Told("late", f"{what}: refused. Nothing changed.", reason, ADVICE)


ADVICE = (
    "Correct the form and send it again. Withdraw the refused message, or the order goes on showing it as not taken."
)


def refusal(reason: str) -> str:
    """What a form says that was refused."""
    return f"Refused: {reason}. Nothing changed. {ADVICE}"
