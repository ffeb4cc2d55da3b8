"""The account as a subject of settling."""

from datetime import datetime

import msgspec

from domain.account.events import AccountAssigned, AccountRegistered
from domain.fact import Fact
from domain.verdict import Objection


class AccountStanding(msgspec.Struct, frozen=True):
    """An account as registered and assigned so far; `name` and `segment` are None while nobody registered it."""

    account_id: str
    name: str | None = None
    segment: str | None = None
    rep_id: str | None = None
    tier: str | None = None
    time_zone: str | None = None


class AccountState(msgspec.Struct):
    standing: AccountStanding


class AccountSubject:
    """How facts about an account are settled: nothing waits and nothing is forbidden."""

    def blank(self, subject_id: str) -> AccountState:
        return AccountState(AccountStanding(subject_id))

    def objection_to(self, state: AccountState, fact: Fact) -> Objection | None:
        return None

    def evolve(self, state: AccountState, fact: Fact, at: datetime) -> None:
        if isinstance(fact, AccountRegistered):
            state.standing = AccountStanding(
                state.standing.account_id, fact.name, fact.segment, fact.rep_id, fact.tier, fact.time_zone
            )
        elif isinstance(fact, AccountAssigned):
            state.standing = msgspec.structs.replace(state.standing, rep_id=fact.rep_id)

    def introduces(self, fact: Fact) -> str | None:
        return None

    def standing(self, state: AccountState) -> AccountStanding:
        return state.standing
