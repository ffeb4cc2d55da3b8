"""All kinds of subject. To add one, write its package and list it here."""

from collections.abc import Mapping

from domain.account.kind import ACCOUNT
from domain.fact import MESSAGE_TYPES
from domain.kind import Kind
from domain.order.kind import ORDER
from domain.parcel.kind import PARCEL
from domain.rep.kind import REP
from domain.standing_order.kind import STANDING_ORDER

KINDS = (ORDER, REP, ACCOUNT, STANDING_ORDER, PARCEL)

_KIND_OF_FACT: Mapping[str, Kind] = {fact.TYPE: kind for kind in KINDS for fact in kind.facts}

KIND_OF_TYPE: Mapping[str, Kind | None] = {name: _KIND_OF_FACT.get(name) for name in MESSAGE_TYPES}
"""Message type to the kind of its subject; None for a void, which goes to the stream of the message that it names."""
