"""All projections. The views, which are questions to their rows, stand in projections/views/catalogue.py."""

from projections.contacts import CONTACTS
from projections.follow_ups import FOLLOW_UPS
from projections.late_deliveries import LATE_DELIVERIES
from projections.order_states import ORDER_STATES
from projections.projection import Projection
from projections.reps import REPS

PROJECTIONS: tuple[Projection, ...] = (ORDER_STATES, FOLLOW_UPS, LATE_DELIVERIES, REPS, CONTACTS)
