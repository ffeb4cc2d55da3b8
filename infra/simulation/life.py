"""One order's life until its goods are on the way: placed, changed, hurried, sometimes cancelled or forgotten.

Messages are sent in the order of cause and effect, at least a minute apart. So each of them is allowed at its place. If
one of them does not arrive by the end, all later ones are left out too, so that nothing waits.
"""

from typing import Any

from infra.simulation.catalogue import Article, converted, money, quantity
from infra.simulation.clock import DAY, HOUR, MINUTE, SECOND, Draw, date_alone, in_office_hours, instant, weekday
from infra.simulation.feeds import Feed, Feeds
from infra.simulation.people import TIME_ZONES, Accounts, account_id
from infra.simulation.wire import Document, Wire

TROUBLES = (
    "hurried",
    "split",
    "delayed",
    "granted",
    "declined",
    "undecided",
    "short",
    "missed",
    "rebooked",
    "recalled",
    "amended",
    "handed over",
    "postponed",
    "withdrawn",
    "misbooked",
    "lost",
    "written off",
    "stamped early",
    "booked ahead",
    "mistyped",
    "misdelivered",
    "called off",
    "reinstated",
    "returned",
    "replaced",
    "collected",
    "charged",
    "line promised",
    "dated",
    "scanned",
    "scanned in two",
)
"""The first orders get these in turn, so that the smallest simulation has each of them."""

_BUSINESS_CHANNELS = ("inbound_call", "inbound_call", "outbound_call", "visit", "visit", "online", "counter")
_PRIVATE_CHANNELS = ("online", "online", "online", "inbound_call", "counter")
_WHY_HURRY = ("their line stands still", "a fair on the weekend", "moving house", "their stock ran out", "a gift")
_WHY_NOT = ("no earlier pickup", "goods not in stock yet", "no courier on that route", "the customer found it too dear")
_WHY_BACK = ("the customer wants it after all", "cancelled by mistake", "the budget came through")
_WHY_CANCELLED = ("customer changed his mind", "bought elsewhere", "budget withdrawn", "ordered twice by mistake")


class OrderLife:
    """The state of an order during the simulation; `Shipping` continues from the first booking."""

    __slots__ = (
        "account", "accounts", "articles", "cut", "draw", "fated", "feeds", "lines", "now", "number", "order_id",
        "parallel", "placed_at", "promise", "rep", "requests", "shipments", "unit", "wire", "writes_text",
    )  # fmt: skip

    def __init__(
        self, wire: Wire, feeds: Feeds, accounts: Accounts, articles: list[Article], number: int, time: int
    ) -> None:
        self.wire = wire
        self.feeds = feeds
        self.accounts = accounts
        self.articles = articles
        self.draw: Draw = wire.draw
        self.number = number
        self.now = time
        self.placed_at = time
        self.order_id = f"SO-{100_001 + number}"
        self.fated = TROUBLES[number] if number < len(TROUBLES) else None
        self.account = accounts.pick(self.draw)
        rep = accounts.rep[self.account] if self.draw() < 0.92 else accounts.some_rep(self.draw)
        self.rep = accounts.present(rep, time)
        self.unit = accounts.currency[self.account]
        self.writes_text = self.draw() < 0.6
        self.lines: list[Document] = []
        """Lines as they are now, their quantities in hundredths."""
        self.promise = 0
        """The promise. A day alone ends nowhere before this instant, so what keeps it here keeps it everywhere."""
        self.requests = 0
        self.shipments = 0
        self.cut = False
        self.parallel = False
        """Two shipments are in transit at once; then no message may depend on the other one."""

    def meets(self, trouble: str, share: float) -> bool:
        """Whether this happens to the order."""
        if self.fated is not None:
            return self.fated == trouble
        return self.draw() < share

    def wait(self, least: int, most: int) -> int:
        """Let time pass until somebody continues the work."""
        share = self.draw()
        self.now = in_office_hours(self.now + least + int(share * share * (most - least)), self.draw)
        return self.now

    def say(self, feed: Feed, type_: str, time: int, data: Document, subject: str = "", **more: Any) -> str:
        """Send a message that later ones may depend on; if it does not arrive, later ones are left out.

        It is about the order, or about `subject`.
        """
        if self.cut:
            return ""
        message_id = self.wire.send(feed, type_, subject or self.order_id, time, data, **more)
        if not message_id:
            self.cut = True
        return message_id

    def mention(self, type_: str, time: int, data: Document) -> None:
        """Send a CRM message that no other depends on."""
        if not self.cut:
            self.wire.send(self.feeds.crm, type_, self.order_id, time, data)

    def void(self, feed: Feed, message_id: str, time: int, reason: str, subject: str = "") -> None:
        """Take a wrong message back."""
        named = {"source": feed.source, "id": message_id, "reason": reason}
        self.say(feed, "message.voided.v1", time, named, subject)

    def contact(self, time: int, direction: str, about: str) -> None:
        """Record a call; it belongs to the account and is independent of the order."""
        rep = self.accounts.present(self.rep, time)
        data: Document = {"direction": direction, "about": about, "rep_id": f"rep-{rep + 1}"}
        if about == "order":
            data["note"] = f"about {self.order_id}"
        self.wire.send(self.feeds.crm, "customer.contacted.v1", account_id(self.account), time, data)

    def begin(self) -> bool:
        """Run until the order is ready to book; False if it never is."""
        self._place()
        if self.meets("booked ahead", 0.012):
            # Booked by machine in the same second, by a clock that is behind: stamped before the order was placed.
            self.now = self.placed_at - 20 * SECOND - int(self.draw() * 130 * SECOND)
            return True
        self._talk()
        if (self.fated == "reinstated" or self.meets("withdrawn", 0.025)) and not self._withdraw():
            return False
        if self.meets("amended", 0.07):
            self._amend()
        if self.meets("handed over", 0.045):
            self._hand_over()
        if self.meets("postponed", 0.04):
            self.postpone(self.wait(30 * MINUTE, DAY), self.promise, "the customer asked for a later day")
        if self.fated in ("granted", "declined", "undecided") or self.meets("hurried", 0.13):
            self.hurry()
        # What is due on the last day is not all booked yet.
        due_last = 0 <= self.promise - self.wire.until <= DAY
        if self.meets("forgotten", 0.15 if due_last else 0.012):
            self.chase()
            return False
        return True

    def _withdraw(self) -> bool:
        """Cancel the order; True if it is reinstated afterwards."""
        cancelled_at = self.wait(HOUR, 2 * DAY)
        self.say(self.feeds.order_entry, "order.cancelled.v1", cancelled_at, self._reason(_WHY_CANCELLED))
        if self.fated != "reinstated" and (self.fated or self.draw() < 0.8):
            return False
        data = self._reason(_WHY_BACK)
        back_at = self.wait(HOUR, 2 * DAY)
        if back_at > self.promise - DAY or self.draw() < 0.5:
            self.promise = (max(back_at, self.promise) // DAY + 2 + int(self.draw() * 4)) * DAY + 16 * HOUR
            data["promised_by"] = instant(self.promise)
        self.say(self.feeds.order_entry, "order.reinstated.v1", back_at, data)
        return True

    def _reason(self, reasons: tuple[str, ...]) -> Document:
        return {"reason": reasons[int(self.draw() * len(reasons))]}

    def _place(self) -> None:
        draw, accounts = self.draw, self.accounts
        business = accounts.is_business[self.account]
        channels = _BUSINESS_CHANNELS if business else _PRIVATE_CHANNELS
        channel = channels[int(draw() * len(channels))]
        if channel.endswith("_call") and draw() < 0.7:
            called = self.placed_at - 3 * MINUTE - int(draw() * 35 * MINUTE)
            self.contact(called, channel.removesuffix("_call"), "order")
        day = self.placed_at // DAY + 3 + int(draw() * 10)
        if business:
            day += (0, 0, 0, 0, 0, 2, 1)[weekday(day)]
        self.promise = day * DAY + (12, 16, 18)[int(draw() * 3)] * HOUR
        first = int(draw() * len(self.articles))
        for line in range(1, 2 + int(draw() * draw() * 4)):
            self._add_line(line, first + line * 7, business)
        if business and len(self.lines) > 1 and self.meets("line promised", 0.1):
            self.lines[-1]["promised_by"] = instant(self.promise + DAY + int(draw() * 4) * DAY)
        if self.fated == "line promised":
            self.lines[0]["promised_by"] = date_alone(self.promise + 2 * DAY)
        if self.meets("charged", 0.2):
            self._add_charge(self.lines[-1]["line"] + 1)
        data: Document = {
            "account_id": account_id(self.account),
            "rep_id": f"rep-{self.rep + 1}",
            "segment": "b2b" if business else "b2c",
            "channel": channel,
            "currency": self.unit,
            "lines": self.written(self.lines),
            "promised_by": instant(self.promise),
        }
        if self.meets("dated", 0.06):
            # A day ends at different instants in different time zones, but nowhere before 10:00 UTC.
            self.promise = day * DAY + 10 * HOUR
            data["promised_by"] = date_alone(self.promise)
            if draw() < 0.5:
                data["time_zone"] = TIME_ZONES[int(draw() * len(TIME_ZONES))]
        if business and draw() < 0.4:
            data["reference"] = f"PO-{1000 + int(draw() * 9000)}"
        # Orders from visits are entered later at the desk; the warehouse may have booked shipping by then.
        late = int(draw() * 8 * HOUR) if channel == "visit" and draw() < 0.6 else 0
        if self.meets("mistyped", 0.004):
            wrong = {**data, "promised_by": instant(self.promise - DAY), "reference": "typed by mistake"}
            entry = self.feeds.order_entry
            mistaken = self.say(entry, "order.placed.v1", self.now, wrong)
            self.void(entry, mistaken, self.now + 4 * MINUTE, "wrong day promised")
            self.now = self.placed_at = self.now + 6 * MINUTE
        self.say(self.feeds.order_entry, "order.placed.v1", self.now, data, late=late)

    def _add_line(self, line: int, position: int, business: bool) -> None:
        article = self.articles[position % len(self.articles)]
        share = self.draw()
        pieces = 1 + int(share * share * (24 if business else 3))
        hundredths = pieces * 250 if article.by_the_metre else pieces * 100
        price = article.prices[self.unit][self.writes_text]
        self.lines.append({"line": line, "sku": article.sku, "quantity": hundredths, "unit_price": price})

    def _add_charge(self, line: int) -> None:
        """Freight, or a discount, which is negative."""
        amount = converted(500 + int(self.draw() * 40) * 50, self.unit)
        price = money(amount, self.unit, self.writes_text)
        if self.draw() < 0.3:
            price = f"-{price}" if isinstance(price, str) else -price
        self.lines.append({"line": line, "quantity": 100, "unit_price": price, "kind": "charge"})

    def written(self, lines: list[Document]) -> list[Document]:
        """Lines with quantities as this upstream writes them, without those that have nothing left."""
        text = self.writes_text
        return [{**line, "quantity": quantity(line["quantity"], text)} for line in lines if line["quantity"]]

    def _talk(self) -> None:
        draw = self.draw
        if draw() < 0.6:
            when = in_office_hours(self.placed_at + int(draw() * 6 * DAY), draw)
            about = ("order", "inquiry", "inquiry", "account_update", "promotion")[int(draw() * 5)]
            self.contact(when, "outbound" if about == "promotion" or draw() < 0.3 else "inbound", about)
        if draw() < 0.025 or self.number == 30:
            self.accounts.hand_over(self.account, self.placed_at + 2 * HOUR + int(draw() * DAY))

    def _amend(self) -> None:
        lines = self.lines
        if len(lines) > 1 and self.draw() < 0.3:
            lines.pop()
        elif self.draw() < 0.5:
            self._add_line(lines[-1]["line"] + 1, int(self.draw() * len(self.articles)), False)
        else:
            changed = lines[0]
            lines[0] = {**changed, "quantity": changed["quantity"] + 200}
        data: Document = {"lines": self.written(lines)}
        if self.draw() < 0.6:
            data["reason"] = "the customer called again"
        self.say(self.feeds.order_entry, "order.amended.v1", self.wait(20 * MINUTE, DAY), data)

    def _hand_over(self) -> None:
        rep = (self.rep + 1 + int(self.draw() * (self.accounts.reps - 1))) % self.accounts.reps
        self.rep = self.accounts.present(rep, self.now)
        data: Document = {"rep_id": f"rep-{self.rep + 1}"}
        if self.draw() < 0.7:
            data["reason"] = "on holiday" if self.draw() < 0.5 else "too much on the desk"
        self.say(self.feeds.crm, "order.reassigned.v1", self.wait(20 * MINUTE, 2 * DAY), data)

    def postpone(self, time: int, beyond: int, reason: str) -> None:
        """Promise another day, some time after this one."""
        self.promise = (beyond // DAY + 1 + int(self.draw() * 5)) * DAY + 16 * HOUR
        data: Document = {"promised_by": instant(self.promise), "reason": reason}
        self.say(self.feeds.order_entry, "order.rescheduled.v1", time, data)

    def hurry(self) -> bool:
        """The customer needs it earlier; True if that is granted."""
        draw, feeds = self.draw, self.feeds
        self.requests += 1
        request_id = f"{self.order_id}-E{self.requests}"
        asked_at = self.wait(20 * MINUTE, DAY)
        ahead = self.promise - asked_at
        needed = asked_at + (int(ahead * (0.4 + draw() * 0.5)) if ahead > DAY else DAY)
        needed -= needed % HOUR
        request: Document = {"request_id": request_id, "needed_by": instant(needed), **self._reason(_WHY_HURRY)}
        if draw() < 0.08:
            request["needed_by"] = date_alone(needed)
        if draw() < 0.8:
            request["requested_by"] = "customer" if draw() < 0.8 else "rep"
        asked = self.say(feeds.crm, "expedite.requested.v1", asked_at, request, correlation=request_id)
        share = {"granted": 0.0, "undecided": 0.99, "declined": 0.5}.get(self.fated or "", draw())
        if share > 0.88:
            return False
        decided_at = self.wait(15 * MINUTE, 2 * DAY)
        if share < 0.45 and decided_at + 4 * HOUR < needed <= self.promise:
            self.promise = needed
            granted: Document = {"request_id": request_id, "promised_by": instant(needed)}
            if draw() < 0.6:
                surcharge = converted(1_500 + int(draw() * 60) * 100, self.unit)
                granted["surcharge"] = money(surcharge, self.unit, self.writes_text)
            self.say(feeds.order_entry, "expedite.granted.v1", decided_at, granted, correlation=request_id, cause=asked)
            return True
        declined: Document = {"request_id": request_id, **self._reason(_WHY_NOT)}
        self.say(feeds.order_entry, "expedite.declined.v1", decided_at, declined, correlation=request_id, cause=asked)
        if draw() < 0.8:
            # Some customers are informed by the colleague who decides, shortly before the decision is recorded.
            told_at = decided_at - 10 * MINUTE if draw() < 0.1 else decided_at + 5 * MINUTE + int(draw() * 20 * HOUR)
            self.inform("expedite", told_at, request_id if draw() < 0.8 else "")
        return False

    def inform(self, about: str, time: int, request_id: str = "") -> None:
        """Inform the customer."""
        draw = self.draw
        data: Document = {"about": about}
        if request_id:
            data["request_id"] = request_id
        if draw() < 0.7:
            data["channel"] = ("phone", "email", "letter")[int(draw() * 2.2)]
        if draw() < 0.2:
            data["note"] = "took it well" if draw() < 0.6 else "wants a call from the manager"
        self.mention("customer.informed.v1", time, data)

    def chase(self) -> None:
        """Nothing happens; after the promise the customer calls and asks to expedite it."""
        self.now = max(self.now, self.promise) + HOUR
        self.contact(self.wait(HOUR, 2 * DAY), "inbound", "order")
        if self.draw() < 0.45:
            self.hurry()
        elif self.draw() < 0.5:
            self.inform("delay", self.wait(HOUR, DAY))
