"""Accounts as a kind of subject."""

from domain.account.decider import AccountDecider, AccountState
from domain.account.events import AccountAssigned, AccountRegistered, CustomerContacted
from domain.aggregate import SubjectAggregate
from domain.kind import Kind


class Account(SubjectAggregate):
    """The facts about one account."""


ACCOUNT = Kind(
    prefix="account",
    decider=AccountDecider(),
    state=AccountState,
    facts=(AccountRegistered, AccountAssigned, CustomerContacted),
    aggregate=Account.open,
)
