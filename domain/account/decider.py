"""The account as a decider."""

from datetime import datetime

import msgspec

from domain.account.events import AccountAssigned, AccountRegistered
from domain.fact import Fact
from domain.verdict import Objection


class AccountSummary(msgspec.Struct, frozen=True):
    """An account as registered and assigned so far; `name` and `segment` are None until it is registered."""

    account_id: str
    name: str | None = None
    segment: str | None = None
    rep_id: str | None = None
    tier: str | None = None
    time_zone: str | None = None


class AccountState(msgspec.Struct):
    summary: AccountSummary


class AccountDecider:
    """The account decider: no fact waits and no fact is forbidden."""

    def initial_state(self, subject_id: str) -> AccountState:
        return AccountState(AccountSummary(subject_id))

    def decide(self, state: AccountState, fact: Fact) -> Objection | None:
        return None

    def evolve(self, state: AccountState, fact: Fact, at: datetime) -> None:
        if isinstance(fact, AccountRegistered):
            state.summary = AccountSummary(
                state.summary.account_id, fact.name, fact.segment, fact.rep_id, fact.tier, fact.time_zone
            )
        elif isinstance(fact, AccountAssigned):
            state.summary = msgspec.structs.replace(state.summary, rep_id=fact.rep_id)

    def introduces(self, fact: Fact) -> str | None:
        return None

    def summarize(self, state: AccountState) -> AccountSummary:
        return state.summary
