"""Links from the numbers of a rep or an account to the rows behind them, by the same clocks."""

from datetime import datetime, timedelta
from urllib.parse import urlencode

from consumers.contract.writing import instant_text
from infra.web.clocks import Clocks


class RowsBehind:
    """`whose` is the filter that all links have, such as ("rep_id", "rep-7"). The instant is T, in UTC."""

    def __init__(self, clocks: Clocks, instant: datetime, whose: tuple[str, str]):
        self._clocks, self._instant, self._whose = clocks, instant, whose

    def of(self, path: str, *filters: tuple[str, str]) -> str:
        query = "&".join(part for part in (urlencode([self._whose, *filters]), self._clocks.query) if part)
        return f"{path}?{query}"

    @property
    def overdue(self) -> str:
        return self.of("/overdue")

    @property
    def at_risk(self) -> str:
        return self.of("/at-risk")

    @property
    def due_in_24h(self) -> str:
        # The end of the day ahead belongs to it; `max.` leaves out its own value.
        until = self._instant + timedelta(hours=24, microseconds=1)
        span = ("min.promised_by", instant_text(self._instant)), ("max.promised_by", instant_text(until))
        return self.of("/orders", ("status", "open"), *span)

    @property
    def open_orders(self) -> str:
        return self.of("/orders", ("status", "open"))

    @property
    def orders(self) -> str:
        return self.of("/orders", ("sort", "-placed_at"))

    @property
    def follow_ups(self) -> str:
        return self.of("/follow-ups")

    @property
    def undecided(self) -> str:
        return self.of("/expedites", ("decision", ""))

    @property
    def late(self) -> str:
        return self.of("/late")

    @property
    def scorecard(self) -> str:
        return self.of("/scorecard", ("sort", "-month"))
