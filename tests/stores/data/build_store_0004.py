"""Makes the stores of this folder: small ones as the release with store version 0004 wrote them, and their messages.

`store_0004.db` has messages that are simulated by that release, with some wrong ones. `store_rules_1.db` has those of
messages_rules_1.jsonl, written by hand: what the rules and the contract of that release judged otherwise.

How it was run: with a checkout of the last commit whose `NEWEST` in infra/store/schema_version.py is "0004", and
`make setup` in that checkout,

    python tests/stores/data/build_store_0004.py CHECKOUT/.venv/bin/waybill

The messages come from standard input, so that a store names no file of the machine.
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
STORE_OF_RULES_1 = HERE / "store_rules_1.db"
MESSAGES_OF_RULES_1 = HERE / "messages_rules_1.jsonl"
VERSION = "0004"


def main(waybill: str) -> None:
    """Simulate, ingest and project with the earlier release's command, and keep the files that it leaves."""
    simulated = [waybill, "simulate", "--orders", "24", "--seed", "7", "--wrong", "0.05"]
    MESSAGES.write_bytes(subprocess.run(simulated, check=True, capture_output=True).stdout)
    for messages, store in ((MESSAGES, STORE), (MESSAGES_OF_RULES_1, STORE_OF_RULES_1)):
        make(waybill, messages.read_bytes(), store)


def make(waybill: str, messages: bytes, store: Path) -> None:
    """A store that the command makes of these messages."""
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
        store.write_bytes(made.read_bytes())


if __name__ == "__main__":
    main(*sys.argv[1:])
