"""The tables whose rows an archive has beside the events, and from which a restore brings them back."""

from collections.abc import Mapping

from sqlalchemy import Table

from infra.store.exchange_rates import exchange_rates
from infra.store.pauses import pauses
from infra.store.reactions.failures import reaction_failures
from infra.store.reactions.tables import derived_messages, reaction_wakes
from infra.store.register.tables import (
    clock_holds,
    feeds,
    ignored_fields,
    left_out_records,
    letters_set_aside,
    malformed_messages,
    messages,
    notices,
    raw_messages,
    reactor_positions,
    unreadable_batches,
)

ARCHIVED_TABLES: Mapping[str, Table] = {
    table.name: table
    for table in (
        messages,
        raw_messages,
        ignored_fields,
        malformed_messages,
        notices,
        feeds,
        clock_holds,
        letters_set_aside,
        reactor_positions,
        derived_messages,
        reaction_wakes,
        reaction_failures,
        unreadable_batches,
        left_out_records,
        pauses,
        exchange_rates,
    )
}
"""By name. What each of their rows means is in infra/archive/datasets.py, which has a dataset for each."""
