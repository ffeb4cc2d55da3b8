"""contacts: each contact between a rep and a customer."""

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, NamedTuple

from domain.account.events import CustomerContacted
from domain.account.kind import ACCOUNT
from projections.projection import Projection, Settled
from projections.table import Key, Row, RowIndex, RowTable


class Contact(NamedTuple):
    """One row for each contact with a customer."""

    account_id: Annotated[str, Key("The account that was in contact.")]
    source: Annotated[str, Key("The source of the message.")]
    message_id: Annotated[str, Key("In which message.")]
    rep_id: Annotated[str, "The rep who talked to the customer."]
    contacted_at: Annotated[datetime, "When."]
    direction: Annotated[str, "inbound or outbound."]
    about: Annotated[str, "order, inquiry, account_update or promotion."]


contacts = RowTable("contacts", Contact, indexes=(RowIndex("contacts_by_time", ("contacted_at", "rep_id")),))


def shape(settled: Settled) -> dict[str, Iterable[Row]]:
    """The account's contacts."""
    return {
        contacts.name: [
            Contact(
                account_id=settled.subject_id,
                source=fact.source,
                message_id=fact.message_id,
                rep_id=fact.rep_id,
                contacted_at=at,
                direction=fact.direction,
                about=fact.about,
            )
            for at, fact, _ in settled.moments
            if isinstance(fact, CustomerContacted)
        ]
    }


CONTACTS = Projection(name="contacts", version=2, kind=ACCOUNT, tables=(contacts,), shape=shape)
