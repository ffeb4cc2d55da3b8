"""given what a customer is still to be told, then whoever holds the order owes it, from when and until when."""

from projections.follow_ups import follow_up_periods
from tests.unit.domain.facts import expedite_declined, expedite_requested, placed, reassigned
from tests.unit.projections.specification import Projecting, row


def test_nobody_owes_it_until_somebody_takes_the_order_over(projecting: Projecting) -> None:
    projecting.given(placed(8, rep=None), expedite_requested(9), expedite_declined(10), reassigned(11, rep="bob")).then(
        follow_up_periods,
        row(about="expedite", valid_from=10, valid_to=11, rep_id=None, owed_since=10),
        row(about="expedite", valid_from=11, valid_to=None, rep_id="bob", owed_since=10),
    )
