"""All projections. The views, which are queries on their rows, are in projections/views/catalogue.py."""

from projections.accounts import ACCOUNTS
from projections.contacts import CONTACTS
from projections.expedites import EXPEDITES
from projections.follow_ups import FOLLOW_UPS
from projections.late_deliveries import LATE_DELIVERIES
from projections.order_beliefs import ORDER_BELIEFS
from projections.order_lines import ORDER_LINES
from projections.order_states import ORDER_STATES
from projections.parcel_scans import PARCEL_SCANS
from projections.projection import Projection
from projections.rep_pay import REP_PAY
from projections.reps import REPS
from projections.shipments import SHIPMENTS
from projections.standing_orders import STANDING_ORDERS
from projections.standing_placements import STANDING_PLACEMENTS

PROJECTIONS: tuple[Projection, ...] = (
    ORDER_STATES,
    ORDER_LINES,
    SHIPMENTS,
    EXPEDITES,
    FOLLOW_UPS,
    LATE_DELIVERIES,
    REPS,
    ACCOUNTS,
    REP_PAY,
    CONTACTS,
    PARCEL_SCANS,
    STANDING_ORDERS,
    STANDING_PLACEMENTS,
)

BITEMPORAL: tuple[Projection, ...] = (ORDER_BELIEFS,)
"""The projections that a store has only if it is bitemporal."""


def every_projection() -> tuple[Projection, ...]:
    """All projections of this code, whether a store has them or not."""
    return (*PROJECTIONS, *BITEMPORAL)
