"""`python -m bench.sampled_command FILE ARGUMENT…`: runs `waybill` and writes where its time went, as JSON.

SIGUSR1 forgets what was so far: the start of the process.
"""

import json
import signal
import sys
from pathlib import Path
from types import FrameType

from bench.measuring import Clocks
from bench.sampling import Samples, parts_of, sampled
from infra.cli import main


def run(out: Path) -> None:
    """Run the command that the arguments name."""
    samples, clocks = Samples(), Clocks()

    def begin_anew(_: int, __: FrameType | None) -> None:
        nonlocal clocks
        clocks = Clocks()
        samples.clear()

    signal.signal(signal.SIGUSR1, begin_anew)
    try:
        with sampled(samples):
            main()
    finally:
        out.write_text(json.dumps(parts_of(samples, 1e6 * clocks.passed()[1])))


if __name__ == "__main__":
    file = Path(sys.argv[1])
    sys.argv[:2] = ["waybill"]
    run(file)
