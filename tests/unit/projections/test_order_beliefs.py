"""given the columns of order_states, then order_beliefs has the same, with the period of recording."""

from projections.order_beliefs import OrderBelief
from projections.order_states import OrderState


def test_a_belief_has_the_columns_of_a_state_with_their_types_and_meanings_in_their_order() -> None:
    columns = {name: kind for name, kind in OrderBelief.__annotations__.items() if not name.startswith("known_")}

    assert list(columns.items()) == list(OrderState.__annotations__.items())
