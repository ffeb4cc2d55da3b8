"""The limits beyond which something is a finding. A test compares those that infra/deploy/alerts.yml has, too."""

from datetime import timedelta

DISK_WARNING_SHARE = 0.10
DISK_WRONG_SHARE = 0.03
"""The share of the disk that is free."""
CLOCK_WARNING = timedelta(seconds=2)
CLOCK_WRONG = timedelta(minutes=1)
WAITS_TOO_LONG = timedelta(minutes=5)
"""How long work may wait before something is stuck: a process starts and catches up sooner."""
DEAD_RISE = 2
"""How many times as many dead letters as the day before are a rise. The alert has no day before: it counts the same
letters (infra.store.register.dead.DEAD_ON_ARRIVAL), and asks for their share of all messages."""
DEAD_LEAST = 10
"""Fewer dead letters a day are no rise."""
