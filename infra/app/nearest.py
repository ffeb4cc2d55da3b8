"""Names near to one that is not known, for the end of a message."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches

from infra.queries.desk import Desk, Rep
from infra.store.projected.serving import NotFilledError

NEAREST_NAMED = 3


def nearest_rep(rep_id: str, reps: Mapping[str, Rep]) -> str:
    """Registered reps whose id or name is like this text."""
    registered = {rep.rep_id: rep for rep in reps.values() if rep.registered}
    by_name = {rep.name: rep.rep_id for rep in registered.values()}
    near = get_close_matches(rep_id, [*registered, *by_name], n=NEAREST_NAMED)
    ids = dict.fromkeys(by_name.get(name, name) for name in near)
    return _suggested(f"{rep_id} ({registered[rep_id].name})" for rep_id in ids)


def never_registered(desk: Desk, rep_id: str) -> str | None:
    """A sentence about a rep who was never registered; None for one who was, or while the views are being filled."""
    try:
        reps = desk.reps()
    except NotFilledError:
        return None
    return None if rep_id in reps else f"no rep {rep_id} was ever registered{nearest_rep(rep_id, reps)}"


def nearest_account(account_id: str, desk: Desk) -> str:
    """Accounts whose id is like this text."""
    return _suggested(get_close_matches(account_id, desk.account_ids(), n=NEAREST_NAMED))


def _suggested(names: Iterable[str]) -> str:
    told = ", ".join(names)
    return f"; the nearest: {told}" if told else ""
