"""given a long-running part that is starting, when it is told to stop, then it exits with 0 and has begun nothing."""

import signal
import socket

import pytest

from tests.integration.command import Command, handles

PARTS = ("consume", "project", "react", "relay", "serve", "up")


@pytest.mark.parametrize("part", PARTS)
def test_a_part_that_is_told_to_stop_before_its_store_answers_exits_cleanly(waybill: Command, part: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as store:
        address = f"127.0.0.1:{store.getsockname()[1]}"
        starting = waybill.with_(WAYBILL_STORE=f"postgresql://waybill@{address}/waybill").start(part)
        asked, _ = store.accept()
        with asked:
            # What it asks of its store is the first thing that it does: whoever stops it from now on is heard.
            assert handles(starting.pid, signal.SIGTERM)
            starting.terminate()
    starting.wait().done()
