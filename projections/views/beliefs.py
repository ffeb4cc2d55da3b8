"""Known at K in SQL: a question to order_states, asked of what was believed of orders at an instant of recording.

It reads order_beliefs instead of order_states, and the messages that were not taken by the verdicts that they had then.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from sqlalchemy import Column, ColumnElement, FromClause, MetaData, Select, Table, and_, or_, select
from sqlalchemy.sql import visitors
from sqlalchemy.sql.elements import ClauseElement

from projections.order_beliefs import UNTAKEN
from projections.order_states import ORDER_STATES
from projections.views.catalogue import View
from projections.views.columns import Instant, Name
from projections.views.tables import order_beliefs, order_states, unapplied_beliefs
from projections.views.untaken_messages import malformed_claims, untaken_messages

malformed_history = Table(
    "malformed_history",
    MetaData(),
    Column("order_id", Name, comment="The order that the message claims to be about."),
    Column("source", Name, comment="The source that it claims; null where none could be read."),
    Column("message_id", Name, comment="The id that it claims; null where none could be read."),
    Column("recorded_at", Instant, comment="When it was recorded."),
    Column("discarded_at", Instant, comment="When it was set aside; null while it is not."),
    Column(
        "answered_at",
        Instant,
        comment="When a message about the order with that source and id was recorded; null for none. Once it is "
        "applied, the malformed one is superseded.",
    ),
    comment="One row for each malformed message that claims to be about an order, also if it was discarded or "
    "superseded later.",
)
"""Of the store's register (infra/queries/malformed_history.py)."""

Question = TypeVar("Question", bound=ClauseElement)


def can_be_believed(view: View) -> bool:
    """Whether beliefs answer the view: it is a question to order_states alone, about one instant."""
    return view.projections == (ORDER_STATES,) and not view.tells_all_periods


def as_known_at(
    question: Question, known_at: ColumnElement[Any], over: Callable[[Select[Any]], Select[Any]]
) -> Question:
    """A question to order_states, by what was known at an instant.

    `over` puts a query of beliefs and malformed_history on the tables to read. It is applied to each part before the
    parts are put in: a traversal of the whole afterwards does not reach the tables in them.
    """
    state, unapplied, letter = order_beliefs.c, unapplied_beliefs.c, malformed_history.c
    was_unapplied = select(unapplied.order_id).where(
        unapplied.order_id == letter.order_id,
        unapplied.source == letter.source,
        unapplied.message_id == letter.message_id,
        _was_known(unapplied_beliefs, known_at),
    )
    superseded = and_(letter.answered_at.is_not(None), letter.answered_at <= known_at, ~was_unapplied.exists())
    then: dict[FromClause, Select[Any]] = {
        order_states: select(*(state[column.name] for column in order_states.c)).where(
            _was_known(order_beliefs, known_at)
        ),
        untaken_messages: select(unapplied.order_id, unapplied.occurred_at).where(
            unapplied.verdict.in_(UNTAKEN), _was_known(unapplied_beliefs, known_at)
        ),
        malformed_claims: select(letter.order_id, letter.recorded_at).where(
            letter.recorded_at <= known_at,
            or_(letter.discarded_at.is_(None), letter.discarded_at > known_at),
            ~superseded,
        ),
    }
    replaced = {table: over(rows).subquery(f"{cast(Table, table).name}_then") for table, rows in then.items()}

    def replacement(element: Any, **_: Any) -> Any:
        if isinstance(element, Table):
            return replaced.get(element)
        if isinstance(element, Column) and element.table in replaced:
            return replaced[element.table].c[element.name]
        return None

    return cast(Question, visitors.replacement_traverse(question, {}, replacement))


def _was_known(table: Table, known_at: ColumnElement[Any]) -> ColumnElement[bool]:
    return and_(table.c.known_from <= known_at, or_(table.c.known_to.is_(None), table.c.known_to > known_at))
