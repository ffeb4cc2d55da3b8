"""Since when the oldest work of a projection, a reactor or an outbox has been waiting."""

from collections.abc import Mapping
from datetime import datetime

from sqlalchemy import and_, func, select

from consumers.reactors.reactor import checkpoint_of
from infra.app.container import Waybill
from infra.outbox.expiries import ExpiriesOutbox, instant_of
from infra.outbox.verdicts import VerdictsOutbox
from infra.store.reactions.tables import reaction_wakes
from infra.store.reactions.transaction import DUE_AT_ONCE
from infra.store.register.dead import has_expired
from infra.store.register.tables import messages, notices


class OldestWork:
    """Reads the store as it is `now`. Answers about positions are kept: most projections share one."""

    def __init__(self, waybill: Waybill, now: datetime):
        self._waybill = waybill
        self._now = now
        self._by_position: dict[int, datetime | None] = {}

    def after(self, position: int) -> datetime | None:
        """When the first event after a position was recorded, leaving out operators' acts; None if there is none."""
        if position not in self._by_position:
            following = self._waybill.history.first_work_after(position)
            self._by_position[position] = None if following is None else following.event.recorded_at
        return self._by_position[position]

    def of_outbox(self, name: str, position: int) -> datetime | None:
        """Since when the first entry after an outbox's checkpoint has been there; None if there is none."""
        limit = self._now - self._waybill.hold
        if name == VerdictsOutbox.name:
            later = select(notices.c.told_at).where(notices.c.notice_id > position)
            oldest = later.order_by(notices.c.notice_id).limit(1)
        elif name == ExpiriesOutbox.name:
            expired = and_(has_expired(limit), messages.c.received_at > instant_of(position))
            oldest = select(func.min(messages.c.received_at)).where(expired)
        else:
            return self.after(position)
        with self._waybill.engine.connect() as connection:
            since = connection.execute(oldest).scalar_one_or_none()
        return since + self._waybill.hold if since is not None and name == ExpiriesOutbox.name else since

    def due(self) -> Mapping[str, datetime]:
        """Since when each reactor has had something to do without a new event, by the name of its checkpoint."""
        c = reaction_wakes.c
        question = select(c.reactor, func.min(c.wake_at)).where(c.wake_at > DUE_AT_ONCE, c.wake_at <= self._now)
        with self._waybill.engine.connect() as connection:
            found = {row[0]: row[1] for row in connection.execute(question.group_by(c.reactor))}
        return {checkpoint_of(one): found[one.name] for one in self._waybill.reactors() if one.name in found}
