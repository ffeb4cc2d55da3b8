"""The tables of the reactors; their checkpoints are with those of the relay (infra/store/register/tables.py)."""

from sqlalchemy import Column, Index, Table, Text

from infra.store.register.tables import register_metadata
from projections.views.columns import Instant

# The streams to which a key of a reactor refers or once referred. Rows are only added: too many do no harm.
reaction_references = Table(
    "reaction_references",
    register_metadata,
    Column("reactor", Text, primary_key=True),
    Column("reference", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    sqlite_with_rowid=False,
)
Index("reaction_references_by_key", reaction_references.c.reactor, reaction_references.c.key)

# The derived messages that stand and can be withdrawn, and those that were withdrawn if their reactor remembers them.
# `digest` identifies what the message says (empty: it was withdrawn), `cause` what it follows from, and `since` from
# when (consumers/reactors/reactor.py).
derived_messages = Table(
    "derived_messages",
    register_metadata,
    Column("reactor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("message_id", Text, primary_key=True),
    Column("subject", Text, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("cause", Text),
    Column("since", Instant),
    sqlite_with_rowid=False,
)
Index("derived_messages_by_cause", derived_messages.c.cause)

# When to react to a key even without new facts. One that could not be reacted to with its facts is due at once.
reaction_wakes = Table(
    "reaction_wakes",
    register_metadata,
    Column("reactor", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("wake_at", Instant, nullable=False),
    sqlite_with_rowid=False,
)
Index("reaction_wakes_by_instant", reaction_wakes.c.reactor, reaction_wakes.c.wake_at)
