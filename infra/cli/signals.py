"""SIGTERM and Ctrl-C: the long-running parts finish what they are doing, then end with exit code 0."""

import signal
from threading import Event


def stopped_by_signals() -> Event:
    """An event that SIGTERM or Ctrl-C sets instead of ending the process."""
    stop = Event()
    for signal_number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(signal_number, lambda *_: stop.set())
    return stop
