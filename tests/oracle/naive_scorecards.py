"""The scorecards of the naive interpreter: sums of fractions over settled subjects, as the design words them."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.oracle.naive_order import MINOR_DIGITS, Order, Subject
from tests.oracle.naive_reading import Row
from tests.oracle.naive_settling import Account, Rep

KINDS = ("order", "inquiry", "account_update", "promotion")
COUNTED = ("delivered", "on_time", "late", "expedites_requested", "expedites_granted", "expedites_met")
SUMMED = (*COUNTED, "placed_value", "delivered_value", "quota", "base", "commission", "bonus", "pay")
Subjects = Mapping[tuple[str, str], Subject]


class Desk(NamedTuple):
    """What a row is about."""

    rep_id: str | None
    month: str
    currency: str


def month_at(instant: datetime, zone: str) -> str:
    return instant.astimezone(ZoneInfo(zone)).strftime("%Y-%m")


def months_before(month: str) -> str:
    year, number = map(int, month.split("-"))
    return f"{year}-{number - 1:02}" if number > 1 else f"{year - 1}-12"


def half_even(exact: Fraction, digits: int) -> Decimal:
    # A fraction rounds half-even; a decimal made of text keeps all its digits.
    return Decimal(f"{round(exact * 10**digits)}E-{digits}")


def percent(part: Fraction, whole: Fraction) -> Decimal | None:
    return half_even(part / whole * 100, 2) if whole else None


def fraction(amount: Any) -> Fraction:
    return Fraction(amount) if amount is not None else Fraction(0)


def order_value(order: Order) -> Fraction:
    """Exact until it is rounded: the interpreter's own value has 28 digits at most."""
    assert order.placed is not None
    lines = order.lines.values()
    exact = sum((Fraction(row["quantity"]) * Fraction(row["unit_price"]) for row in lines), Fraction(0))
    return Fraction(half_even(exact, digits_of(order.placed["currency"])))


def digits_of(currency: str) -> int:
    return MINOR_DIGITS.get(currency, 2)


class Scorecards:
    """All rows at one time. `ties` counts the commissions whose exact value ends on half a unit."""

    def __init__(self, subjects: Subjects, zone: str):
        self.zone = zone
        self.ties = 0
        self.orders = [s for s in subjects.values() if isinstance(s, Order) and s.placed is not None]
        self.reps = {s.rep_id: s for s in subjects.values() if isinstance(s, Rep)}
        self.counts: dict[Desk, dict[str, Fraction]] = defaultdict(lambda: defaultdict(Fraction))
        for order in self.orders:
            self._count(order)
        for rep in self.reps.values():
            for month, currency in rep.quotas:
                self.counts[Desk(rep.rep_id, month, currency)]["stands"] += 1
        for first in self._firsts():
            assert first.placed is not None
            self._new_account(first.placed.get("rep_id"), month_at(first.placed_at, zone))

    def rows(self) -> list[Row]:
        return [self._row(desk) for desk in list(self.counts)]

    def _count(self, order: Order) -> None:
        assert order.placed is not None
        currency, value = order.placed["currency"], order_value(order)

        def count(rep_id: str | None, at: datetime, what: str, amount: Fraction = Fraction(1)) -> None:
            self.counts[Desk(rep_id, month_at(at, self.zone), currency)][what] += amount

        if not order.is_cancelled:
            count(order.placed.get("rep_id"), order.placed_at, "placed_value", value)
        done = order.completed
        if done is not None:
            on_time = done["delivered_at"] <= done["promised_by"]
            for what, amount in (("delivered", Fraction(1)), ("delivered_value", value)):
                count(done["rep_id"], done["delivered_at"], what, amount)
            count(done["rep_id"], done["delivered_at"], "on_time" if on_time else "late")
        for request in order.requests.values():
            count(request.asked_of, request.asked_at, "expedites_requested")
            if request.granted is not None:
                assert request.decided_at is not None
                count(request.decided_by, request.decided_at, "expedites_granted")
                if done is not None and done["delivered_at"] <= request.granted:
                    count(done["rep_id"], done["delivered_at"], "expedites_met")

    def _firsts(self) -> Iterable[Order]:
        """Of each account the order that it placed first."""
        firsts: dict[str, Order] = {}
        for order in sorted(self.orders, key=lambda o: (o.placed_at, o.order_id)):
            assert order.placed is not None
            if order.placed.get("account_id") is not None:
                firsts.setdefault(order.placed["account_id"], order)
        return firsts.values()

    def _plan(self, rep_id: str | None, month: str) -> Row | None:
        """The pay plan of a rep in a month."""
        plans = self.reps[rep_id].plans if rep_id in self.reps else {}
        begun = [first for first in plans if first <= month]
        return plans[max(begun)] if begun else None

    def _new_account(self, rep_id: str | None, month: str) -> None:
        plan = self._plan(rep_id, month)
        if plan is not None and plan.get("new_account_bonus") is not None:
            self.counts[Desk(rep_id, month, plan["currency"])]["new_accounts"] += 1

    def _quota(self, desk: Desk) -> Fraction | None:
        quotas = self.reps[desk.rep_id].quotas if desk.rep_id in self.reps else {}
        quota = quotas.get((desk.month, desk.currency))
        if quota is None:
            return None
        if quota.get("target_amount") is not None:
            return Fraction(quota["target_amount"])
        before = self.counts.get(desk._replace(month=months_before(desk.month)), {}).get("placed_value", Fraction(0))
        return before * (1 + Fraction(quota["growth_percent"]) / 100)

    def _row(self, desk: Desk) -> Row:
        found = self.counts[desk]
        digits = digits_of(desk.currency)
        quota = self._quota(desk)
        attainment = found["placed_value"] / quota if quota else None
        plan = self._plan(desk.rep_id, desk.month)
        earned: dict[str, Decimal | None] = dict.fromkeys(("base", "commission", "bonus", "pay"))
        if plan is not None and plan["currency"] == desk.currency:
            bonus = fraction(plan.get("new_account_bonus")) * found["new_accounts"]
            if attainment is not None and attainment >= 1:
                bonus += fraction(plan.get("quota_bonus"))
            commission = Fraction(plan["commission_percent"]) / 100 * found["delivered_value"]
            self.ties += (commission * 10**digits * 2).denominator == 1 and (commission * 10**digits).denominator == 2
            parts = [half_even(part, digits) for part in (Fraction(plan["base"]), commission, bonus)]
            earned = dict(zip(earned, [*parts, half_even(sum(map(Fraction, parts), Fraction(0)), digits)], strict=True))
        return {
            **desk._asdict(),
            "delivered": int(found["delivered"]),
            "on_time": int(found["on_time"]),
            "late": int(found["late"]),
            "otif_percent": percent(found["on_time"], found["delivered"]),
            "expedites_requested": int(found["expedites_requested"]),
            "expedites_granted": int(found["expedites_granted"]),
            "expedites_met": int(found["expedites_met"]),
            "placed_value": half_even(found["placed_value"], digits),
            "delivered_value": half_even(found["delivered_value"], digits),
            "quota": None if quota is None else half_even(quota, digits),
            "attainment_percent": None if attainment is None else half_even(attainment * 100, 2),
            **earned,
        }


def scorecards(subjects: Subjects, zone: str) -> list[Row]:
    """The rows of rep_scorecard."""
    return Scorecards(subjects, zone).rows()


def totals(subjects: Subjects, zone: str, by: str) -> list[Row]:
    """Sums of these rows by the reps' `team` or `mentor_id`, with the contacts of each month by kind."""
    reps = {s.rep_id: s.fields or {} for s in subjects.values() if isinstance(s, Rep)}
    spoken = contacts(subjects, zone)
    sums: dict[tuple[str | None, str, str], Row] = {}
    for row in scorecards(subjects, zone):
        whose = reps.get(row["rep_id"] or "", {}).get(by)
        into = sums.setdefault(
            (whose, row["month"], row["currency"]),
            {by: whose, "month": row["month"], "currency": row["currency"], "reps": 0, **dict.fromkeys(SUMMED)},
        )
        into["reps"] += row["rep_id"] is not None
        for name in SUMMED:
            if row[name] is not None:
                into[name] = fraction(row[name]) + fraction(into[name])
    for (whose, month, currency), into in sums.items():
        into["otif_percent"] = percent(Fraction(into["on_time"]), Fraction(into["delivered"]))
        into["attainment_percent"] = percent(fraction(into["placed_value"]), fraction(into["quota"]))
        for name in SUMMED:
            if into[name] is not None:
                counted = name in COUNTED
                into[name] = int(into[name]) if counted else half_even(into[name], digits_of(currency))
        members = [rep for rep in {rep for rep, _, _ in spoken} if reps.get(rep, {}).get(by) == whose]
        for kind in KINDS:
            into[f"contacts_{kind}"] = sum(spoken.get((rep, month, kind), 0) for rep in members)
    return list(sums.values())


def contacts(subjects: Subjects, zone: str) -> dict[tuple[str, str, str], int]:
    """How many there were by rep, month and kind."""
    found: dict[tuple[str, str, str], int] = defaultdict(int)
    for subject in subjects.values():
        for rep_id, at, about in subject.contacts if isinstance(subject, Account) else ():
            found[rep_id, month_at(at, zone), about] += 1
    return found
