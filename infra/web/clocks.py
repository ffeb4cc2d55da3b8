"""The two clocks in an address: `as_of` and `known_at`, which every page and every query of the API takes."""

from typing import NamedTuple
from urllib.parse import urlencode

from fastapi import Request

from consumers.contract.writing import instant_text
from infra.queries.views import Asked
from infra.web.parameters import Parameters


class Clocks(NamedTuple):
    """The clocks of a request, as instants and for links."""

    asked: Asked

    @property
    def query(self) -> str:
        """The clocks for a link to another page, such as "as_of=2026-03-01T09:00:00Z"; empty for the present."""
        told = {"as_of": self.asked.as_of, "known_at": self.asked.known_at}
        return urlencode({name: instant_text(value) for name, value in told.items() if value is not None})

    def link(self, path: str, **parameters: str) -> str:
        """The path with these parameters and with the clocks, so that a link stays at the same instant."""
        query = "&".join(part for part in (urlencode(parameters), self.query) if part)
        return f"{path}?{query}" if query else path


def clocks_of(request: Request) -> Clocks:
    """The clocks in the address of a request; an empty one is none. Raises Problem (400), which names the clock."""
    given = Parameters(request)
    return Clocks(Asked(given.instant("as_of"), given.instant("known_at")))
