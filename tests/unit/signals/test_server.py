"""The server of the endpoints: a client that hangs up is no error of ours; what fails here is logged as one event."""

import http.client
import socket
import struct
from threading import Event, Thread, current_thread

import pytest
from structlog.testing import capture_logs

from infra.signals.endpoints import Response
from infra.signals.server import serving


def test_a_probe_that_hangs_up_leaves_nothing_in_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    asked, gone, threads = Event(), Event(), list[Thread]()

    def respond(path: str) -> Response:
        threads.append(current_thread())
        asked.set()
        gone.wait(10)
        return Response(200, "text/plain", b"x" * 10_000_000)

    with capture_logs() as logs, serving(("127.0.0.1", 0), respond) as port:
        with socket.create_connection(("127.0.0.1", port)) as probe:
            probe.sendall(b"GET /readyz HTTP/1.0\r\n\r\n")
            assert asked.wait(10)
            # given a reset, as of a process that is killed
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        gone.set()
        threads[0].join(10)
    assert [entry["event"] for entry in logs] == ["metrics_served"]
    assert capfd.readouterr().err == ""


def test_a_fault_of_an_endpoint_is_one_event_of_the_log(capfd: pytest.CaptureFixture[str]) -> None:
    def respond(path: str) -> Response:
        raise KeyError(path)

    with capture_logs() as logs, serving(("127.0.0.1", 0), respond) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        connection.request("GET", "/readyz")
        with pytest.raises(http.client.RemoteDisconnected):
            connection.getresponse()
        connection.close()
    assert [(entry["event"], entry["log_level"]) for entry in logs[1:]] == [("request_failed", "error")]
    assert capfd.readouterr().err == ""
