"""given what is told of reps and accounts, then reps have periods and each contact is a row."""

from projections.contacts import contacts
from projections.reps import rep_periods
from tests.unit.domain.facts import contacted, rep_changed, rep_registered, voided
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
