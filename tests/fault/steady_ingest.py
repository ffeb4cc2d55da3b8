"""Ingests a file at a steady rate, in batches: `python -m tests.fault.steady_ingest STORE FILE MESSAGES_A_SECOND`."""

import io
import sys
import time
from functools import partial
from pathlib import Path

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings

AT_ONCE = 25


def main(store: str, file: str, messages_a_second: float) -> None:
    lines = Path(file).read_bytes().splitlines(keepends=True)
    with Waybill(Settings(store=store, retry_seconds=120)) as waybill:
        for start in range(0, len(lines), AT_ONCE):
            begun = time.monotonic()
            content = b"".join(lines[start : start + AT_ONCE])
            source = JsonLines(f"live-{start}", partial(io.BytesIO, content), batch_lines=AT_ONCE)
            pipeline = waybill.ingest()
            pipeline.finish(pipeline.read(source).feed_id)
            time.sleep(max(0.0, begun + AT_ONCE / messages_a_second - time.monotonic()))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], float(sys.argv[3]))
