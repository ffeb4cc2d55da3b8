"""Standing orders: customers who order the same again and again.

All are new at the end of the simulation, and what they order first is due in the days around it. A service that reads
the whole history at once places them; older ones would only be found missed.
"""

from infra.simulation.catalogue import Article, quantity
from infra.simulation.clock import DAY, HOUR, date_alone, in_office_hours, weekday
from infra.simulation.feeds import Feeds
from infra.simulation.people import Accounts, account_id
from infra.simulation.wire import Document, Wire

_DAY_NAMES = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_WHY_STOPPED = ("the branch closes", "buys elsewhere from now on", "too much in stock")


def establish_standing_orders(wire: Wire, feeds: Feeds, accounts: Accounts, articles: list[Article], time: int) -> None:
    """A few accounts, the oldest ones, establish standing orders from this time on; one in four stops again."""
    draw = wire.draw
    count = min(max(3, len(accounts.rep) // 10), len(accounts.rep))
    for number in range(count):
        told_at = in_office_hours(time + int(draw() * (wire.until - time) // 2), draw)
        subject = f"ST-{501 + number}"
        data = _terms(wire, accounts, articles, number, told_at)
        established = wire.send(feeds.crm, "standing_order.established.v1", subject, told_at, data)
        if established and (number == 1 or draw() < 0.25):
            stopped_at = in_office_hours(told_at + 6 * HOUR + int(draw() * (wire.until - told_at) // 2), draw)
            reason = {"reason": _WHY_STOPPED[int(draw() * len(_WHY_STOPPED))]}
            wire.send(feeds.crm, "standing_order.stopped.v1", subject, stopped_at, reason)


def _terms(wire: Wire, accounts: Accounts, articles: list[Article], account: int, told_at: int) -> Document:
    draw, unit = wire.draw, accounts.currency[account]
    first_day = max(wire.until // DAY - 1 + int(draw() * 9), told_at // DAY + 2)
    lines: list[Document] = []
    for line in range(1, 2 + int(draw() * 2)):
        article = articles[int(draw() * len(articles))]
        hundredths = (1 + int(draw() * 8)) * (250 if article.by_the_metre else 100)
        price = article.prices[unit][0]
        lines.append({"line": line, "sku": article.sku, "quantity": quantity(hundredths, False), "unit_price": price})
    data: Document = {
        "account_id": account_id(account),
        "rep_id": f"rep-{accounts.present(accounts.rep[account], told_at) + 1}",
        "segment": "b2b" if accounts.is_business[account] else "b2c",
        "currency": unit,
        "lines": lines,
        "every": _calendar(account, first_day),
        "first_on": date_alone(first_day * DAY),
        "lead_days": 1 + int(draw() * 4),
    }
    if draw() < 0.3:
        data["until"] = date_alone((first_day + 60 + int(draw() * 300)) * DAY)
    return data


def _calendar(number: int, first_day: int) -> Document:
    """Every so many days, a day of the week, or a day of the month, in turn; the first day fits it."""
    match number % 3:
        case 0:
            return {"weekday": _DAY_NAMES[weekday(first_day)] if number % 2 else weekday(first_day) + 1}
        case 1:
            return {"days": (7, 14, 10)[number // 3 % 3]}
        case _:
            return {"month_day": int(date_alone(first_day * DAY)[-2:])}
