"""given what is told of reps and accounts, then reps have periods and each contact is a row."""

from projections.accounts import account_periods
from projections.contacts import contacts
from projections.reps import rep_periods
from tests.unit.domain.facts import (
    account_assigned,
    account_registered,
    contacted,
    rep_changed,
    rep_registered,
    voided,
)
from tests.unit.projections.specification import Projecting, row


def test_a_rep_has_a_row_for_each_period(projecting: Projecting) -> None:
    projecting.given(rep_registered(8, "Ann", team="north"), rep_changed(12, level="senior", team=None)).then(
        rep_periods,
        row(rep_id="ann", valid_from=8, valid_to=12, name="Ann", level="entry", team="north"),
        row(rep_id="ann", valid_from=12, valid_to=None, name="Ann", level="senior", team=None),
    )


def test_each_contact_is_a_row_unless_it_was_voided(projecting: Projecting) -> None:
    right, wrong = contacted(9, rep="ann"), contacted(10, rep="bob")
    told = projecting.given(right, wrong)
    told.then(
        contacts,
        row(account_id="ALFKI", rep_id="ann", contacted_at=9, direction="outbound"),
        row(account_id="ALFKI", rep_id="bob", contacted_at=10),
    )
    told.given(voided(wrong)).then(contacts, row(rep_id="ann", contacted_at=9))


def test_an_account_has_a_row_for_each_period_between_changes(projecting: Projecting) -> None:
    projecting.given(
        account_registered(8, "Alfreds", rep="ann", tier="gold", time_zone="Europe/Berlin"),
        contacted(9),
        account_assigned(10, "bob"),
        account_registered(12, "Alfreds AG", "b2c"),
    ).then(
        account_periods,
        row(
            account_id="ALFKI",
            valid_from=8,
            valid_to=10,
            name="Alfreds",
            segment="b2b",
            tier="gold",
            rep_id="ann",
            time_zone="Europe/Berlin",
        ),
        row(valid_from=10, valid_to=12, name="Alfreds", tier="gold", rep_id="bob", time_zone="Europe/Berlin"),
        row(valid_from=12, valid_to=None, name="Alfreds AG", segment="b2c", tier=None, rep_id=None, time_zone=None),
    )


def test_an_account_may_have_a_rep_before_it_is_registered(projecting: Projecting) -> None:
    projecting.given(account_assigned(9, "ann"), account_registered(10, rep="bob")).then(
        account_periods,
        row(valid_from=9, valid_to=10, name=None, segment=None, rep_id="ann"),
        row(valid_from=10, valid_to=None, name="Alfreds Futterkiste", rep_id="bob"),
    )


def test_an_account_of_which_there_is_only_a_contact_has_no_row(projecting: Projecting) -> None:
    told = projecting.given(contacted(9))
    told.then(account_periods)
    told.given(account_registered(10)).then(account_periods, row(valid_from=10, valid_to=None))
