"""rep_pay: the quotas and the pay plans of each rep, as set at each time."""

from collections.abc import Iterable
from datetime import datetime
from decimal import Decimal
from typing import Annotated, NamedTuple

from domain.rep.events import RepPayPlanSet, RepQuotaSet
from domain.rep.kind import REP
from projections.projection import Projection, Settled, periods
from projections.table import Key, Row, RowTable


class RepQuotaPeriod(NamedTuple):
    """One row for each period in which one quota of a rep stood for a month and currency."""

    rep_id: Annotated[str, Key("The rep.")]
    month: Annotated[str, Key("The month of the quota, as YYYY-MM.")]
    currency: Annotated[str, Key("The currency of the orders that count towards it.")]
    valid_from: Annotated[datetime, Key("When it was set.")]
    valid_to: Annotated[datetime | None, "When it was set again; null while it stands."]
    target_amount: Annotated[Decimal | None, "The quota; null if it is growth."]
    growth_percent: Annotated[Decimal | None, "The growth over the month before, in percent; null if it is an amount."]


class RepPayPlanPeriod(NamedTuple):
    """One row for each period in which one pay plan of a rep stood for a first month."""

    rep_id: Annotated[str, Key("The rep.")]
    month: Annotated[str, Key("The first month of the plan, as YYYY-MM; it ends with a plan for a later month.")]
    valid_from: Annotated[datetime, Key("When it was set.")]
    valid_to: Annotated[datetime | None, "When another one was set for the same month; null while it stands."]
    currency: Annotated[str, "The currency of its amounts."]
    base: Annotated[Decimal, "The base pay of a month."]
    commission_percent: Annotated[Decimal, "The commission on the value delivered, in percent."]
    quota_bonus: Annotated[Decimal | None, "The bonus of a month in which the quota was attained; null for none."]
    new_account_bonus: Annotated[Decimal | None, "The bonus for each account's first order; null for none."]


rep_quota_periods = RowTable("rep_quota_periods", RepQuotaPeriod)
rep_pay_plan_periods = RowTable("rep_pay_plan_periods", RepPayPlanPeriod)


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The periods of quotas by month and currency, and of pay plans by first month: the latest that was set counts."""
    quotas: dict[tuple[str, str], list[tuple[datetime, RepQuotaSet]]] = {}
    plans: dict[str, list[tuple[datetime, RepPayPlanSet]]] = {}
    for at, fact, _ in settled.moments:
        if isinstance(fact, RepQuotaSet):
            quotas.setdefault((fact.month, fact.currency), []).append((at, fact))
        elif isinstance(fact, RepPayPlanSet):
            plans.setdefault(fact.month, []).append((at, fact))
    return {
        rep_quota_periods.name: [
            RepQuotaPeriod(
                rep_id=settled.subject_id,
                month=quota.month,
                currency=quota.currency,
                valid_from=valid_from,
                valid_to=valid_to,
                target_amount=quota.target_amount,
                growth_percent=quota.growth_percent,
            )
            for was_set in quotas.values()
            for quota, valid_from, valid_to in periods(was_set)
        ],
        rep_pay_plan_periods.name: [
            RepPayPlanPeriod(
                rep_id=settled.subject_id,
                month=plan.month,
                valid_from=valid_from,
                valid_to=valid_to,
                currency=plan.currency,
                base=plan.base,
                commission_percent=plan.commission_percent,
                quota_bonus=plan.quota_bonus,
                new_account_bonus=plan.new_account_bonus,
            )
            for was_set in plans.values()
            for plan, valid_from, valid_to in periods(was_set)
        ],
    }


REP_PAY = Projection(name="rep_pay", version=1, kind=REP, tables=(rep_quota_periods, rep_pay_plan_periods), shape=shape)
