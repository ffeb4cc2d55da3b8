"""Reps, their quotas and pay, and the accounts that order."""

from dataclasses import dataclass, field

from infra.simulation.catalogue import currency, money
from infra.simulation.clock import DAY, HOUR, MINUTE, Draw, in_office_hours, month
from infra.simulation.feeds import Feeds
from infra.simulation.wire import Document, Wire

_FIRST = (
    "Amara", "Bela", "Chidi", "Dana", "Elif", "Farid", "Greta", "Hiro", "Ines", "Jonas", "Kirsi", "Leila", "Marek",
    "Nadia", "Oskar", "Priya", "Quentin", "Rosa", "Sami", "Tove", "Umar", "Vera", "Wen", "Ximena", "Yusuf", "Zofia",
    "Aidan", "Birgit", "Carlos", "Dorota", "Emeka",
)  # fmt: skip
_LAST = (
    "Abara", "Brandt", "Castillo", "Demir", "Eriksen", "Fontaine", "Garcia", "Haddad", "Iversen", "Jansen",
    "Kowalska", "Lindqvist", "Moreau", "Nakamura", "Okafor", "Petrov", "Quispe", "Rossi", "Sato", "Thapa", "Ueda",
    "Varga", "Weber", "Xu", "Yilmaz", "Zeman", "Almeida", "Bakker", "Cohen", "Dlamini", "Esposito", "Farkas",
    "Gruber", "Horvat", "Ibrahim", "Joshi", "Kaya",
)  # fmt: skip
_TRADES = (
    "Bakery", "Builders", "Clinic", "Dairy", "Electrics", "Foods", "Garage", "Hardware", "Instruments", "Joinery",
    "Kitchens", "Labs", "Motors",
)  # fmt: skip
_TEAMS = ("North", "South", "Key accounts", "Online desk", "Export", "Counter")
TIME_ZONES = ("Europe/Berlin", "America/Chicago", "Asia/Tokyo", "Europe/London")


def person(number: int) -> str:
    """A name; the two lists have no common divisor, so a thousand people pass before one comes again."""
    return f"{_FIRST[number % len(_FIRST)]} {_LAST[number % len(_LAST)]}"


def leaving(reps: int, opening: int, until: int, draw: Draw) -> dict[int, int]:
    """When each rep who leaves does so: the last one, and of a large team one in seventeen."""
    span = until - opening
    return {
        index: in_office_hours(until - 4 * DAY - int(draw() * draw() * span * 6 // 10), draw)
        for index in range(reps - 1, 0, -17)
    }


def hire_and_pay(wire: Wire, feeds: Feeds, reps: int, orders_each: int, opening: int, leaves: dict[int, int]) -> None:
    """All messages of HR and sales management about reps until the end, a few for each.

    Quotas follow the number of orders that a rep will take, so that about half of them are attained.
    """
    firsts = _firsts_of_months(opening, wire.until)
    for index in range(reps):
        left_at = leaves.get(index, wire.until + DAY)
        _hire(wire, feeds, reps, index, opening)
        _set_quotas(wire, feeds, index, orders_each, opening, [first for first in firsts if first < left_at])
        _set_pay(wire, feeds, index, opening, [first for first in firsts if first < left_at])
    for index, left_at in leaves.items():
        reason = "moves away" if wire.draw() < 0.6 else "changes to another branch"
        wire.send(feeds.hr, "rep.left.v1", f"rep-{index + 1}", left_at, {"reason": reason})


def _firsts_of_months(opening: int, until: int) -> list[int]:
    firsts = []
    day = opening - opening % DAY
    while day < until:
        if month(day) != month(day - DAY):
            firsts.append(day)
        day += DAY
    return firsts


def _is_senior(index: int) -> bool:
    return index % 3 == 0


def _hire(wire: Wire, feeds: Feeds, reps: int, index: int, opening: int) -> None:
    draw = wire.draw
    subject = f"rep-{index + 1}"
    data: Document = {"name": person(index), "level": "senior" if _is_senior(index) else "entry"}
    if draw() < 0.9:
        data["team"] = _TEAMS[index % len(_TEAMS)]
    if not _is_senior(index):
        data["mentor_id"] = f"rep-{index - index % 3 + 1}"
    wire.send(feeds.hr, "rep.registered.v1", subject, opening + 9 * HOUR + int(draw() * HOUR), data)
    # At least one rep always moves.
    if index == 1 or draw() < 0.4:
        changed: Document
        if not _is_senior(index) and draw() < 0.5:
            changed = {"level": "senior", "mentor_id": None}
        elif draw() < 0.8:
            changed = {"team": _TEAMS[int(draw() * len(_TEAMS))]}
        else:
            changed = {"name": f"{person(index)}-{_LAST[int(draw() * len(_LAST))]}"}
        when = opening + 10 * DAY + int(draw() * (wire.until - opening - 15 * DAY))
        wire.send(feeds.hr, "rep.changed.v1", subject, in_office_hours(when, draw), changed)


def _set_quotas(wire: Wire, feeds: Feeds, index: int, orders_each: int, opening: int, firsts: list[int]) -> None:
    draw = wire.draw
    subject = f"rep-{index + 1}"
    target = orders_each * (10_000 + int(draw() * 20_000))
    for number, start in enumerate([opening, *firsts]):
        data: Document = {"month": month(start), "currency": "USD"}
        if number > 1 and draw() < 0.4:
            data["growth_percent"] = number if draw() < 0.5 else f"{number}.5"
        else:
            data["target_amount"] = money(target - target % 10_000, "USD", draw() < 0.5)
        # Published in the last days of the month before, except for the first month.
        told = max(start - 3 * DAY, opening + 2 * DAY) if number else opening + 10 * HOUR
        set_at = in_office_hours(told + int(draw() * DAY), draw)
        if index == 0 and number == 1:
            wrong = {**data, "target_amount": money(target * 10, "USD", True)}
            mistaken = wire.send(feeds.crm, "rep.quota_set.v1", subject, set_at, wrong)
            if mistaken:
                void = {"source": feeds.crm.source, "id": mistaken, "reason": "one zero too many"}
                wire.send(feeds.crm, "message.voided.v1", subject, set_at + 20 * MINUTE, void)
            set_at += 25 * MINUTE
        wire.send(feeds.crm, "rep.quota_set.v1", subject, set_at, data)
        target += int(target * (draw() - 0.4) / 5)


def _set_pay(wire: Wire, feeds: Feeds, index: int, opening: int, firsts: list[int]) -> None:
    draw = wire.draw
    base = (310_000 if _is_senior(index) else 220_000) + int(draw() * 40) * 2_500
    commission = 1 + int(draw() * 3)
    for number, start in enumerate([opening, *firsts]):
        if number and draw() > 0.12:
            continue
        base += number * 5_000
        data: Document = {
            "month": month(start),
            "base": money(base, "USD", draw() < 0.7),
            "currency": "USD",
            "commission_percent": commission if draw() < 0.5 else f"{commission}.25",
        }
        if draw() < 0.8:
            data["quota_bonus"] = money(40_000 + int(draw() * 5) * 10_000, "USD", draw() < 0.5)
        if draw() < 0.6:
            data["new_account_bonus"] = 25 if draw() < 0.5 else "40.00"
        told = max(start - 5 * DAY, opening + 2 * DAY) if number else opening + 11 * HOUR
        when = in_office_hours(told + int(draw() * DAY), draw)
        wire.send(feeds.hr, "rep.pay_plan_set.v1", f"rep-{index + 1}", when, data)


@dataclass(slots=True)
class Accounts:
    """The customers so far: small columns rather than objects, since there are as many as a sixth of the orders."""

    wire: Wire
    feeds: Feeds
    reps: int
    leaves: dict[int, int]
    """When each rep who leaves does so."""
    rep: list[int] = field(default_factory=list)
    is_business: list[bool] = field(default_factory=list)
    currency: list[str] = field(default_factory=list)

    def join(self, time: int) -> None:
        """One more account, of a rep from the start or assigned to one the day after."""
        draw, number = self.wire.draw, len(self.rep)
        business = draw() < (0.75 if number % 3 else 0.35)
        rep = self.present(self.some_rep(draw), time)
        name = person(number * 5 + 3)
        if business:
            name = f"{name.split()[1]} {_TRADES[int(draw() * len(_TRADES))]}"
        data: Document = {"name": name, "segment": "b2b" if business else "b2c"}
        unassigned = number == 1 or draw() < 0.15
        if not unassigned:
            data["rep_id"] = f"rep-{rep + 1}"
        if business and draw() < 0.5:
            data["tier"] = "ABC"[int(draw() * 3)]
        if draw() < 0.2:
            data["time_zone"] = TIME_ZONES[int(draw() * len(TIME_ZONES))]
        self.rep.append(rep)
        self.is_business.append(business)
        self.currency.append(currency(draw()))
        if self.wire.send(self.feeds.crm, "account.registered.v1", account_id(number), time, data) and unassigned:
            self._assign(number, time + 2 * HOUR + int(draw() * DAY))

    def present(self, rep: int, time: int) -> int:
        """This rep, or the nearest colleague, if the rep has left by then."""
        while self.leaves.get(rep, time) < time:
            rep = (rep + 1) % self.reps
        return rep

    def some_rep(self, draw: Draw) -> int:
        """A rep; those with the low numbers have been here for long and have more accounts."""
        share = draw()
        return int(self.reps * share * (0.5 + share / 2))

    def pick(self, draw: Draw) -> int:
        """Who orders; the oldest accounts order most, as the square of an even draw falls near its low end."""
        share = draw()
        return int(len(self.rep) * share * share)

    def hand_over(self, account: int, time: int) -> None:
        """Give the account to another rep; its orders stay where they are."""
        self.rep[account] = self.present(self.some_rep(self.wire.draw), time)
        self._assign(account, time)

    def _assign(self, account: int, time: int) -> None:
        data: Document = {"rep_id": f"rep-{self.rep[account] + 1}"}
        assigned_at = in_office_hours(time, self.wire.draw)
        self.wire.send(self.feeds.crm, "account.assigned.v1", account_id(account), assigned_at, data)


def account_id(number: int) -> str:
    """As order entry and CRM write it."""
    return f"AC-{10_001 + number}"
