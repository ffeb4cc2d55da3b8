"""Checks of the parts: projections, reactors, the relay; what is stopped, parked or paused."""

from collections import defaultdict
from collections.abc import Sequence

from domain.counted import counted
from infra.app.doctor.finding import Finding, duration, warning, wrong
from infra.app.doctor.limits import WAITS_TOO_LONG
from infra.app.doctor.seen import Behind, KafkaSeen, Seen, StoreSeen
from infra.app.status import ProjectionStatus
from infra.queries.standing import Failing

RELAY = "relay."


def check_projections(seen: Seen, store: StoreSeen) -> list[Finding]:
    """A projection that has not shown events for minutes. One that is stopped or paused has its own finding."""
    late = _late(seen, store.projections_behind)
    if not late:
        return []
    oldest = min(late, key=lambda one: one.since or seen.now)
    names = ", ".join(one.name for one in late[:3]) + (f" and {len(late) - 3} more" if len(late) > 3 else "")
    problem = f"{names}: up to {counted(max(one.lag for one in late), 'event')} behind"
    return [wrong("projections", f"{problem}; the views show the past", "waybill project --once", oldest.since)]


def check_rebuilds(seen: Seen, store: StoreSeen) -> list[Finding]:
    """Versions that do not serve before their rebuild, and rebuilds that were begun and not finished."""
    findings = [_needs_rebuild(store, one) for one in store.projections if not one.state.is_filled]
    filling = {one.name for one in store.projections if not one.state.is_filled}
    for name, version, begun_at, *_ in store.rebuilds:
        if name not in filling and seen.now - begun_at > WAITS_TOO_LONG:
            problem = f"a rebuild of {name} {version} was begun and is not finished; the earlier rows serve"
            findings.append(warning("rebuild", problem, f"waybill rebuild {name}, unless one is running", begun_at))
    return findings


def _needs_rebuild(store: StoreSeen, unfilled: ProjectionStatus) -> Finding:
    """A warning while the version before it is kept up, by processes of its code; else its views show the past."""
    before = [one for one in store.projections if one.name == unfilled.name and one.serves]
    stands = any(one.lag for one in before)
    told = f"version {unfilled.version} of {unfilled.name} does not serve yet ({unfilled.state})"
    if stands:
        problem = f"{told}, and the version that serves is {counted(max(one.lag for one in before), 'event')} behind"
        return wrong("rebuild", problem, f"waybill rebuild {unfilled.name}")
    return warning("rebuild", f"{told}; the version before it answers", f"waybill rebuild {unfilled.name}")


def check_reactors(seen: Seen, store: StoreSeen) -> list[Finding]:
    if store.is_paused("react"):
        return []
    late = [one for one in _late(seen, store.reactors_behind) if not is_relay(one)]
    return [_behind(one) if one.has_run else _never_run(one) for one in late]


def _behind(late: Behind) -> Finding:
    problem = f"{late.name} has {counted(late.lag, 'event')} to react to"
    return wrong("reactors", problem, "waybill react --once", late.since)


def _never_run(late: Behind) -> Finding:
    """A warning: a service may do without reactors."""
    problem = f"{late.name} has never run, and there is something that it may react to"
    return warning("reactors", problem, "waybill react --dry-run shows what would follow; then: waybill react --once")


def is_relay(one: Behind) -> bool:
    """Whether it is an outbox of the relay."""
    return one.name.startswith(RELAY)


def check_relay(seen: Seen, store: StoreSeen) -> list[Finding]:
    if store.is_paused("relay"):
        return []
    late = [one for one in _late(seen, store.reactors_behind) if is_relay(one)]
    if isinstance(seen.kafka, KafkaSeen) and seen.kafka.relay_waits and any(not one.has_run for one in late):
        # Its records are as old as their messages, which says nothing about since when it waits.
        to_type = "waybill status; with all topics read: WAYBILL_RELAY_FROM=now waybill relay (or: up)"
        return [wrong("relay", f"the relay waits to begin: {seen.kafka.relay_waits}", to_type)]
    return [
        wrong("relay", f"{one.name} has {counted(one.lag, 'record')} to send", "waybill relay --once", one.since)
        for one in late
    ]


def check_stopped(store: StoreSeen) -> list[Finding]:
    return [
        wrong(
            "stopped",
            f"{one.part} is stopped: {one.reason}",
            "fix the cause, then: waybill parked retry",
            one.since,
        )
        for one in store.stopped
        if one.key is None
    ]


def check_parked(store: StoreSeen) -> list[Finding]:
    """Subjects whose rows stay as they were, one finding a projection."""
    parked: dict[str, list[Failing]] = defaultdict(list)
    for one in store.stopped:
        if one.key is not None:
            parked[one.name].append(one)
    return [
        wrong(
            "parked",
            f"{counted(len(found), 'subject')} of {name} parked, such as {found[0].key}: {found[0].reason}",
            "waybill parked list; after the fix: waybill parked retry",
            min(one.since for one in found),
        )
        for name, found in parked.items()
    ]


def check_paused(seen: Seen, store: StoreSeen) -> list[Finding]:
    """Paused parts; of a projection also how far its views are behind, which it is until a person lets it go on."""
    findings = []
    lags = {one.name: one.lag for one in store.projections if one.serves and one.lag}
    for name, since, operator, reason in store.paused:
        told = f"{name} is paused" + (f" by {operator}" if operator else "") + (f": {reason}" if reason else "")
        long = f" (for {duration(seen.now - since)})" if since is not None else ""
        lag = f", and {counted(lags[name], 'event')} behind" if name in lags else ""
        findings.append(warning("paused", told + long + lag, f"waybill resume {name}", since))
    return findings


def check_left_out(store: StoreSeen) -> list[Finding]:
    if not store.left_out:
        return []
    problem = f"the relay left out {counted(store.left_out, 'record')} too large for their topics"
    return [warning("left out", problem, "waybill status", store.left_out_since)]


def _late(seen: Seen, behind: Sequence[Behind]) -> list[Behind]:
    """Those whose oldest work has waited too long."""
    return [one for one in behind if one.lag and one.since is not None and seen.now - one.since > WAITS_TOO_LONG]
