"""The command `waybill`."""

import sys

DONE = 0
FAILED = 1
WRONG_USAGE = 2
INTERRUPTED = 130
"""The exit code after Ctrl-C: 128 and the number of the signal, as shells have it."""


def main() -> None:
    """Run one command and leave with its exit code; see infra.cli.app."""
    try:
        # Imported here, so that a lack of memory is called by its name even while the parts are read in.
        from infra.cli.app import main as run
    except (MemoryError, SystemError):
        sys.stderr.write("waybill: out of memory: there is not even enough to start. Nothing was done.\n")
        sys.exit(1)
    except KeyboardInterrupt:
        # Ctrl-C while the parts are read in, which takes a second or more on a busy machine.
        sys.exit(INTERRUPTED)
    run()


__all__ = ["DONE", "FAILED", "INTERRUPTED", "WRONG_USAGE", "main"]
