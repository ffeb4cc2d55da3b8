"""Looks at the store and the broker, and makes all checks."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import NamedTuple

from infra.app.doctor import kafka_checks, message_checks, part_checks, store_checks
from infra.app.doctor.finding import Finding, Level
from infra.app.doctor.looking import WORKS, look_at_store, unread
from infra.app.doctor.seen import KafkaSeen, Seen, StoreSeen, Unread
from infra.settings import Settings
from infra.signals.sampling import Sampler

PATIENCE_SECONDS = 30.0
"""How long to wait for a store that does not answer."""


class Examination(NamedTuple):
    """The findings, the wrong ones first, and the names of the checks that were made."""

    findings: Sequence[Finding]
    checks: Sequence[str]

    @property
    def is_well(self) -> bool:
        """Whether nothing is wrong; there may be warnings."""
        return all(finding.level is not Level.WRONG for finding in self.findings)


def examine(settings: Settings, clock: Callable[[], datetime]) -> Examination:
    """Look at everything. What cannot be looked at is a finding."""
    # Imported here: it imports Kafka's client.
    from infra.app.doctor.kafka_looking import look_at_kafka, why_relay_waits

    found = Sampler(lambda: look_at_store(settings, clock), patience=PATIENCE_SECONDS)()
    store = found.value or unread(settings, found.problem or "", WORKS)
    checkpoints = {} if isinstance(store, Unread) else store.checkpoints
    # A store that cannot be read may well have read from Kafka.
    uses_kafka = isinstance(store, Unread) or bool(checkpoints)
    asked = uses_kafka or settings.names_kafka
    kafka = look_at_kafka(settings, checkpoints) if asked else None
    if isinstance(kafka, KafkaSeen) and settings.relay_from == "auto" and _never_sent(store):
        kafka = replace(kafka, relay_waits=why_relay_waits(settings))
    return judge(Seen(clock(), store, kafka, uses_kafka))


def _never_sent(store: StoreSeen | Unread) -> bool:
    """Whether the relay was started on this store, and never sent anything."""
    return isinstance(store, StoreSeen) and any(
        part_checks.is_relay(one) and not one.has_run for one in store.reactors_behind
    )


def judge(seen: Seen) -> Examination:
    """All checks for which something was seen. It is pure."""
    made: list[tuple[str, list[Finding]]] = [
        ("store", store_checks.check_store(seen)),
        ("disk", store_checks.check_disk(seen.store)),
    ]
    store, kafka = seen.store, seen.kafka
    if kafka is not None:
        made.append(("broker", kafka_checks.check_broker(seen)))
    if not isinstance(store, Unread):
        made += [
            ("rules", store_checks.check_rules(store)),
            ("database clock", store_checks.check_store_clock(store)),
            ("projections", part_checks.check_projections(seen, store)),
            ("rebuild", part_checks.check_rebuilds(seen, store)),
            ("stopped", part_checks.check_stopped(store)),
            ("parked", part_checks.check_parked(store)),
            ("reactors", part_checks.check_reactors(seen, store)),
            ("relay", part_checks.check_relay(seen, store)),
            ("paused", part_checks.check_paused(seen, store)),
            ("left out", part_checks.check_left_out(store)),
            ("unreadable", kafka_checks.check_unreadable(store)),
            ("dead letters", message_checks.check_dead_letters(store)),
            ("held", message_checks.check_held(seen, store)),
            ("pruned", message_checks.check_waiting_for_pruned(store)),
        ]
    if isinstance(kafka, KafkaSeen):
        made += [
            ("topics", kafka_checks.check_topics(seen, kafka)),
            ("partitions", kafka_checks.check_partition_counts(kafka)),
            ("retention", kafka_checks.check_retention(kafka)),
            ("broker clock", kafka_checks.check_broker_clock(seen, kafka)),
        ]
    if isinstance(store, StoreSeen) and isinstance(kafka, KafkaSeen):
        made += [
            ("positions", kafka_checks.check_positions(store, kafka)),
            ("group", kafka_checks.check_group(store, kafka)),
            ("lag", kafka_checks.check_partition_lag(seen, store, kafka)),
        ]
    findings = [finding for _, found in made for finding in found]
    findings.sort(key=lambda finding: finding.level is not Level.WRONG)
    return Examination(findings, [name for name, _ in made])
