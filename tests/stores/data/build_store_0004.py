"""Makes store_0004.db, a small store as the release with store version 0004 wrote it, and the messages in it.

How it was run: with a checkout of the last commit whose `NEWEST` in infra/store/schema_version.py is "0004", and
`make setup` in that checkout,

    python tests/stores/data/build_store_0004.py CHECKOUT/.venv/bin/waybill

The messages are simulated by that release, with some wrong ones, and come from standard input, so that the store names
no file of the machine.
"""

import os
import sqlite3
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).parent
STORE = HERE / "store_0004.db"
MESSAGES = HERE / "messages_0004.jsonl"
VERSION = "0004"


def main(waybill: str) -> None:
    """Simulate, ingest and project with the earlier release's command, and keep the file that it leaves."""
    simulated = [waybill, "simulate", "--orders", "24", "--seed", "7", "--wrong", "0.05"]
    messages = subprocess.run(simulated, check=True, capture_output=True).stdout
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "store.db"
        environment = {**os.environ, "WAYBILL_STORE": f"sqlite:///{made}"}
        subprocess.run([waybill, "ingest", "-"], input=messages, check=True, cwd=folder, env=environment)
        with closing(sqlite3.connect(made)) as connection:
            (found,) = connection.execute("SELECT version_num FROM store_version").fetchone()
            if found != VERSION:
                sys.exit(f"{waybill} writes stores of version {found}; give that of a checkout that writes {VERSION}")
            # In one file without -wal, as the last process to close it leaves it.
            connection.execute("VACUUM")
        STORE.write_bytes(made.read_bytes())
    MESSAGES.write_bytes(messages)


if __name__ == "__main__":
    main(*sys.argv[1:])
