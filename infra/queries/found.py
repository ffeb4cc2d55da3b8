"""Finding a subject by what people know of it: an order's reference, a tracking number, a name.

Each question costs at most what its bound says, however large the store is. Measured in docs/pages.md, "The search".
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from sqlalchemy import Engine, Select, func, select

from consumers.reactors.parcels import PARCELS
from domain.parcel.kind import PARCEL
from domain.streams import stream_name
from infra.store.engine import snapshot
from infra.store.projected.serving import answering
from infra.store.reactions.tables import reaction_references
from projections.accounts import ACCOUNTS
from projections.order_states import OPEN_NOW, ORDER_STATES
from projections.views.tables import account_periods, order_states

ROWS_READ = 200_000
"""How many rows without an index a question reads at most."""
MOST = 20
"""How many orders or accounts one question finds at most."""


class Referenced(NamedTuple):
    """Orders with a reference, by id. `whole` is false when closed orders were not all looked at."""

    order_ids: Sequence[str]
    whole: bool


class FoundAccount(NamedTuple):
    """An account that has this name; `whole` says whether it is the whole name, or only a part."""

    account_id: str
    name: str
    whole: bool


def orders_with_reference(engine: Engine, reference: str) -> Referenced:
    """Open orders with this reference, and closed ones among the first ROWS_READ rows of the store.

    Open orders are found by their partial index. References have no index of their own: every change of an order would
    have to write it.
    """
    state = order_states.c
    opened = (state.valid_to.is_(None), state.status == OPEN_NOW["status"], state.reference == reference)
    read = select(state.order_id, state.valid_to, state.reference).limit(ROWS_READ).subquery("read")
    rows = select(func.count()).select_from(select(state.order_id).limit(ROWS_READ).subquery("rows"))
    with snapshot(engine) as connection:
        over = answering(connection, (ORDER_STATES,)).over
        whole = connection.execute(over(rows)).scalar_one() < ROWS_READ
        of_all = select(read.c.order_id).where(read.c.valid_to.is_(None), read.c.reference == reference)
        found: set[str] = set()
        for question in (of_all,) if whole else (select(state.order_id).where(*opened), of_all):
            found.update(connection.execute(over(question.limit(MOST))).scalars())
    return Referenced(sorted(found)[:MOST], whole)


def orders_with_tracking_number(engine: Engine, number: str) -> Sequence[str]:
    """Orders of which a shipment has or had this tracking number, by id.

    The parcels reactor has noted these numbers under an index; a booking that it has not read yet is not found.
    """
    noted = reaction_references.c
    question: Select[Any] = (
        select(noted.key)
        .where(noted.reactor == PARCELS.name, noted.reference == stream_name(PARCEL, number))
        .order_by(noted.key)
        .limit(MOST)
    )
    with snapshot(engine) as connection:
        return list(connection.execute(question).scalars())


def accounts_named(engine: Engine, matches: Callable[[str], bool | None]) -> Sequence[FoundAccount]:
    """Accounts by their present name among the first ROWS_READ. `matches`: True for the whole name, False for a part,
    None for another name."""
    account = account_periods.c
    question = (
        select(account.account_id, account.name)
        .where(account.valid_to.is_(None), account.name.is_not(None))
        .limit(ROWS_READ)
    )
    found: list[FoundAccount] = []
    with snapshot(engine) as connection:
        for account_id, name in connection.execute(answering(connection, (ACCOUNTS,)).over(question)):
            if (whole := matches(name)) is not None:
                found.append(FoundAccount(account_id, name, whole))
    found.sort(key=lambda one: (not one.whole, one.name, one.account_id))
    return found[:MOST]
