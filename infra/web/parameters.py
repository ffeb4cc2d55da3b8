"""Parameters in an address, each read by its type. A wrong one is a problem (400) that names it and the fix."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from fastapi import Request

from infra.instants import WrongInstantError, instant_of
from infra.web.context import web_of
from infra.web.problems import Problem

_WHOLE = re.compile(r"\d{1,18}", re.ASCII)


class Parameters:
    """The parameters of a request. Each is taken by its name, at most once; `rest` are those that were not taken."""

    def __init__(self, request: Request):
        self._zone = web_of(request).waybill.settings.zone
        self._left: dict[str, list[str]] = {}
        for name, value in request.query_params.multi_items():
            self._left.setdefault(name, []).append(value)

    def text(self, name: str) -> str | None:
        """The value; None if there is none."""
        values = self._left.pop(name, [])
        if not values:
            return None
        if len(values) > 1:
            raise wrong(name, f"is given {len(values)} times; give it once")
        if not values[0]:
            raise wrong(name, "is empty; give a value, or leave it out")
        if "\0" in values[0]:
            raise wrong(name, "has the character U+0000; leave it out")
        return values[0]

    def flag(self, name: str) -> bool:
        """true or false; false if there is none."""
        text = self.text(name)
        if text not in (None, "true", "false"):
            raise wrong(name, f"{text!r} is neither true nor false")
        return text == "true"

    def whole(self, name: str, least: int, most: int) -> int | None:
        """A whole number within these limits; None if there is none."""
        text = self.text(name)
        if text is None:
            return None
        number = int(text) if _WHOLE.fullmatch(text) else None
        if number is None or not least <= number <= most:
            raise wrong(name, f"{text!r} is not a whole number from {least} to {most}")
        return number

    def choice(self, name: str, choices: Iterable[str]) -> str | None:
        """One of these words; None if there is none."""
        text, known = self.text(name), list(choices)
        if text is not None and text not in known:
            raise wrong(name, f"{text!r} is not one of {', '.join(known)}")
        return text

    def instant(self, name: str) -> datetime | None:
        """An instant with offset, or a date, which means its start in the business zone; None if there is none."""
        values = self._left.get(name, [])
        if len(values) == 1 and not values[0].strip():  # as a form sends an empty field
            del self._left[name]
        text = self.text(name)
        if text is None:
            return None
        try:
            return instant_of(text.strip(), self._zone)
        except WrongInstantError as e:
            raise wrong(name, str(e)) from None

    @property
    def rest(self) -> Mapping[str, Sequence[str]]:
        return self._left

    def expect_no_more(self, known: Sequence[str]) -> None:
        """Raises Problem (400) for a parameter that the route does not have; these are those that it has."""
        for name in self._left:
            raise wrong(name, f"is no parameter here; there are {', '.join(known) or 'none'}")


def wrong(parameter: str, problem: str) -> Problem:
    """The problem of a wrong parameter."""
    return Problem(400, f"{parameter}: {problem}", parameter=parameter)
