"""Probes of a process whose broker is frozen: it accepts connections and answers nothing."""

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from threading import Event, Thread

import pytest

from infra.app.container import Waybill, system_clock
from infra.app.topics import create_topics
from infra.settings import Settings
from infra.signals.process import signals_of
from infra.signals.pulse import Pulse
from tests.integration.broker import Broker, Topics
from tests.integration.messages import placed
from tests.integration.probing import problems_of, until, values
from tests.integration.topics import STRUCTURED, Sent, send
from tests.stores.histories import take_in

pytestmark = [pytest.mark.kafka, pytest.mark.fault, pytest.mark.slow]

LIMIT_SECONDS = 3


def order(number: int) -> Sent:
    message = placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
    return Sent("orders", json.dumps(message).encode(), f"SO-{number}".encode(), STRUCTURED)


def test_consumer_and_relay_of_a_frozen_broker_are_stuck_until_it_thaws(
    own_broker: Broker, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("infra.runtime.consumer.SECONDS_BETWEEN_LOOKS", 0.3)
    monkeypatch.setattr("infra.signals.process.KAFKA_FRESH_SECONDS", 0.0)
    settings = Settings(store=f"sqlite:///{tmp_path}/waybill.db", kafka=own_broker.url)
    settings = settings.model_copy(update={"stuck_seconds": LIMIT_SECONDS})
    create_topics(settings, 1, 1)
    topics, stop = Topics(own_broker.url, ""), Event()
    send(topics, [order(1)])
    with signals_of(["consume", "relay"], settings, system_clock, "127.0.0.1:0") as signals:
        port = signals.port or 0
        with Waybill(settings, meter=signals.meter) as waybill:
            parts: dict[str, Callable[[Pulse], object]] = {
                "consume": lambda pulse: waybill.consumer(stop, pulse).run(),
                "relay": lambda pulse: waybill.relay(stop, pulse=pulse).run(),
            }
            threads = [Thread(target=signals.run, args=one) for one in parts.items()]
            for thread in threads:
                thread.start()
            try:
                until(lambda: values(port).get('waybill_reactor_lag_events{reactor="relay.events"}') == 0)
                until(lambda: problems_of(port) == {})
                received = 'waybill_messages_received_total{source="/order-entry",verdict="applied"}'
                until(lambda: values(port).get(received) == 1)
                assert values(port)['waybill_partition_lag_messages{partition="0",topic="orders"}'] == 0
                os.kill(own_broker.pid, signal.SIGSTOP)
                # when there is work that the relay cannot do
                take_in(waybill, [order(2).value or b""])
                until(lambda: problems_of(port).keys() == {"kafka", "consume", "relay"})
                assert values(port)["waybill_kafka_up"] == 0
                assert all(problems_of(port)[part]["since"] for part in parts)
                assert problems_of(port, "/healthz") == {}
                os.kill(own_broker.pid, signal.SIGCONT)
                until(lambda: problems_of(port) == {})
            finally:
                os.kill(own_broker.pid, signal.SIGCONT)
                stop.set()
                for thread in threads:
                    thread.join()
