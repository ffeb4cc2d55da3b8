"""A year of a sales desk in which everything happens that scorecards must get right, drawn from a seed.

Two currencies and a third without a minor unit; prices whose values end on half a cent; orders at the months' midnights
of New York and of UTC; reassignments before and after delivery, amendments, cancellations and reinstatements, returns
that open orders again; quotas as amounts and as growth, set twice, also after their month; plans that change, in
another currency too; and a fifth of the messages is heard of weeks later.
"""

import json
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

Document = dict[str, Any]

ZONE = "America/New_York"
YEAR = 2025
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
MONTHS = [f"{YEAR}-{month:02}" for month in range(1, 13)]
MONTH_ENDS = [datetime(YEAR, month, 1, tzinfo=ZoneInfo(ZONE)).astimezone(UTC) for month in range(2, 13)]
"""The local midnights that end January to November; the hours of UTC change in between."""
REPS = [f"rep-{number}" for number in range(1, 7)]
ACCOUNTS = [f"AC-{number}" for number in range(1, 60)]
CURRENCIES = ("USD", "USD", "USD", "EUR", "EUR", "JPY")
HUGE = "999999999999999"


class SalesYear:
    """The year's messages, in the order in which a service would hear of them."""

    def __init__(self, orders: int, seed: int):
        self._draw = Random(seed)
        self._said: list[Document] = []
        self._people()
        for number in range(orders):
            self._order(f"SO-{number:04}")
        self._enormous()
        self.lines = [
            json.dumps(message).encode() for message in sorted(self._said, key=lambda m: (m["recordedtime"], m["id"]))
        ]

    def _say(self, kind: str, subject: str, at: datetime, heard: datetime | None = None, /, **data: Any) -> Document:
        draw = self._draw
        if heard is None:
            heard = at + (DAY * draw.randint(10, 70) if draw.random() < 0.2 else timedelta(minutes=draw.randint(1, 90)))
        message = {
            "specversion": "1.0",
            "id": f"{len(self._said)}",
            "source": "/desk",
            "type": f"{kind}.v1",
            "time": at.isoformat(),
            "subject": subject,
            "recordedtime": heard.isoformat(),
            "data": {name: value for name, value in data.items() if value is not None},
        }
        self._said.append(message)
        return message

    def _void(self, wrong: Document, at: datetime) -> None:
        self._say("message.voided", wrong["subject"], at, None, source="/desk", id=wrong["id"], reason="wrong")

    def _instant(self, month: int) -> datetime:
        """Some instant of a month; often near a midnight that begins or ends it, here or in UTC, or exactly there."""
        draw = self._draw
        first = datetime(YEAR, month, 1, tzinfo=UTC)
        odds = draw.random()
        if odds < 0.15:
            return first.replace(tzinfo=ZoneInfo(ZONE)).astimezone(UTC)
        if odds < 0.4:
            return first + timedelta(minutes=draw.randint(-60, 6 * 60))
        return first + timedelta(minutes=draw.randint(0, 27 * 24 * 60))

    # -- people --------------------------------------------------------------------------------------------

    def _people(self) -> None:
        draw, before = self._draw, datetime(YEAR, 1, 1, tzinfo=UTC) - 10 * DAY
        for number, rep in enumerate(REPS[:-1]):  # the last one is never registered
            mentor = REPS[0] if number in (2, 3) else None
            team = ("north", "south", None)[number % 3]
            self._say("rep.registered", rep, before, name=rep.title(), level="senior", team=team, mentor_id=mentor)
        self._say("rep.changed", REPS[1], MONTH_ENDS[4], team="north")
        for rep in REPS:
            self._plans(rep, before)
            for number, month in enumerate(MONTHS):
                for currency in ("USD", "EUR") if rep != REPS[3] else ("USD",):
                    if draw.random() < 0.8:
                        self._quota(rep, number, month, currency)
        for _ in range(150):
            about = draw.choice(("order", "inquiry", "account_update", "promotion"))
            said = {"direction": "outbound", "about": about, "rep_id": draw.choice(REPS)}
            self._say("customer.contacted", draw.choice(ACCOUNTS), self._instant(draw.randint(1, 12)), **said)

    def _plans(self, rep: str, before: datetime) -> None:
        draw = self._draw
        for month, at in (("2025-01", before), ("2025-05", MONTH_ENDS[3] - DAY), ("2025-09", MONTH_ENDS[8])):
            plan = {
                "month": month,
                "base": draw.choice(("3000", "2500.125", "4333.333333")),
                "currency": "EUR" if rep == REPS[2] and month > "2025-04" else "USD",
                "commission_percent": draw.choice(("0.5", "1.25", "2.5", "50")),
                "quota_bonus": draw.choice(("100", "250.005", None)),
                "new_account_bonus": draw.choice(("50", "12.345", None)),
            }
            wrong = self._say("rep.pay_plan_set", rep, at, **{**plan, "base": "1"})
            self._say("rep.pay_plan_set", rep, at + draw.randint(1, 40) * DAY, **plan)
            if draw.random() < 0.3:
                self._void(wrong, at + DAY)

    def _quota(self, rep: str, number: int, month: str, currency: str) -> None:
        draw = self._draw
        at = datetime(YEAR, number + 1, 1, tzinfo=UTC) - 3 * DAY
        target = {"target_amount": str(draw.choice((0, 100, 300, Decimal("1429000") / 7000)))[:9]}
        growth = {"growth_percent": str(draw.choice((10, "2.5", "-33.333333", "-100", "0")))}
        first, second = (target, growth) if draw.random() < 0.5 else (growth, target)
        self._say("rep.quota_set", rep, at, None, month=month, currency=currency, **first)
        if draw.random() < 0.4:
            # Set again, perhaps after the month.
            again = at + draw.randint(1, 60) * DAY
            self._say("rep.quota_set", rep, again, None, month=month, currency=currency, **second)

    # -- orders --------------------------------------------------------------------------------------------

    def _lines(self) -> list[Document]:
        draw = self._draw
        lines: list[Document] = [
            {"line": n, "quantity": draw.choice(("1", "3", "0.5", "2.5")), "unit_price": self._price()}
            for n in range(1, draw.randint(2, 4))
        ]
        if draw.random() < 0.3:
            lines.append({"line": 9, "quantity": "1", "unit_price": draw.choice(("4.995", "-5.005")), "kind": "charge"})
        return lines

    def _price(self) -> str:
        """Often such that the value of half a piece ends on half a cent, or that a share of it does."""
        return str(self._draw.choice(("10.01", "0.03", "33.33", "19.99", "1.005", "70", "9.95", "0.1")))

    def _order(self, order_id: str) -> None:
        draw = self._draw
        at = self._instant(draw.randint(1, 12))
        promise = at + timedelta(hours=draw.randint(60, 200))
        placed = self._say(
            "order.placed",
            order_id,
            at,
            account_id=draw.choice(ACCOUNTS) if draw.random() < 0.9 else None,
            rep_id=draw.choice(REPS) if draw.random() < 0.95 else None,
            segment="b2b",
            channel="visit",
            currency=draw.choice(CURRENCIES),
            lines=self._lines(),
            promised_by=promise.isoformat(),
        )
        at = self._before_shipping(order_id, at, promise)
        if draw.random() < 0.1:
            self._say("order.cancelled", order_id, at + HOUR, reason="changed their mind")
            if draw.random() < 0.6:
                return
            at += draw.randint(1, 40) * DAY
            self._say("order.reinstated", order_id, at, reason="after all", promised_by=(at + 5 * DAY).isoformat())
        if draw.random() < 0.9:
            self._ship(order_id, at, promise)
        if draw.random() < 0.03:
            self._void(placed, at + DAY)

    def _before_shipping(self, order_id: str, at: datetime, promise: datetime) -> datetime:
        draw = self._draw
        if draw.random() < 0.25:
            at += draw.randint(1, 30) * HOUR
            self._say("order.reassigned", order_id, at, rep_id=draw.choice(REPS))
        if draw.random() < 0.2:
            at += HOUR
            self._say("order.amended", order_id, at, lines=self._lines())
        for request in ("R-1", "R-2")[: draw.choice((0, 0, 0, 1, 2))]:
            at += HOUR
            asked = {"request_id": request, "needed_by": promise.isoformat(), "reason": "sooner"}
            self._say("expedite.requested", order_id, at, **asked)
            if draw.random() < 0.3:
                self._say("order.reassigned", order_id, at + HOUR, rep_id=draw.choice(REPS))
            at += draw.choice((2, 2, 400)) * HOUR
            if draw.random() < 0.7:
                sooner = (promise - draw.randint(1, 50) * HOUR).isoformat()
                self._say("expedite.granted", order_id, at, request_id=request, promised_by=sooner)
            else:
                self._say("expedite.declined", order_id, at, request_id=request, reason="no van")
        return at

    def _ship(self, order_id: str, at: datetime, promise: datetime) -> None:
        draw = self._draw
        self._say("shipment.booked", order_id, at + HOUR, shipment_id="S1", mode="courier", carrier="Postrider")
        delivered = self._delivered(at, promise)
        self._say("delivery.confirmed", order_id, delivered, shipment_id="S1")
        if draw.random() < 0.15:
            self._say("order.reassigned", order_id, delivered + HOUR, rep_id=draw.choice(REPS))
        if draw.random() < 0.2:
            back = delivered + draw.randint(1, 30) * DAY
            replace = draw.random() < 0.7
            self._say("delivery.returned", order_id, back, shipment_id="S1", reason="broken", replace=replace)
            if replace and draw.random() < 0.7:
                self._say(
                    "shipment.booked", order_id, back + HOUR, shipment_id="S2", mode="courier", carrier="Postrider"
                )
                self._say("delivery.confirmed", order_id, self._delivered(back, promise), shipment_id="S2")

    def _delivered(self, after: datetime, promise: datetime) -> datetime:
        """Some days later: exactly at the promise, or at the midnight that begins a month, now and then."""
        draw, odds = self._draw, self._draw.random()
        ends = [end for end in MONTH_ENDS if end > after + 2 * HOUR]
        if odds < 0.1 and promise > after + 2 * HOUR:
            return promise
        if odds < 0.2 and ends:
            return ends[0]
        return after + timedelta(hours=draw.randint(20, 300))

    def _enormous(self) -> None:
        """The largest order that a message can have, to which a commission of many digits is due."""
        at = MONTH_ENDS[6]
        lines = [{"line": 1, "quantity": HUGE, "unit_price": f"{HUGE}.999999"}]
        order = {"segment": "b2b", "channel": "visit", "currency": "USD", "lines": lines, "rep_id": "rep-huge"}
        self._say("order.placed", "SO-HUGE", at, promised_by=(at + DAY).isoformat(), **order)
        self._say("shipment.booked", "SO-HUGE", at, shipment_id="S1", mode="pickup", carrier="customer")
        self._say("delivery.confirmed", "SO-HUGE", at + HOUR, shipment_id="S1")
        plan = {"month": "2025-01", "base": HUGE, "currency": "USD", "commission_percent": f"{HUGE}.999999"}
        self._say("rep.pay_plan_set", "rep-huge", at, **plan)
        self._say("rep.quota_set", "rep-huge", at, month="2025-08", currency="USD", target_amount=f"{HUGE}.999999")
        self._say("rep.quota_set", "rep-huge", at, month="2025-09", currency="USD", growth_percent=f"{HUGE}.999999")
