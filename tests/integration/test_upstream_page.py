"""docs/upstream.md: its commands and code publish messages that Waybill takes."""

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.integration.broker import ROOT, Topics
from tests.integration.command import Command
from tests.integration.messages import booked, dispatched, placed
from tests.integration.reading_topics import all_records
from tests.integration.topics import consumed, made

pytestmark = pytest.mark.kafka

PAGE = (ROOT / "docs" / "upstream.md").read_text()
JARS = ROOT / ".local/kafka-jars"
SOURCE = "/order-entry"


def block(language: str, containing: str) -> str:
    """The one piece of code of the page that contains this."""
    (found,) = [code for code in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if containing in code]
    return str(found)


def python(containing: str) -> dict[str, Any]:
    said: dict[str, Any] = {}
    exec(block("python", containing), said)
    return said


def order(number: int) -> dict[str, Any]:
    return placed(f"SO-{number}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")


@pytest.fixture
def consuming(waybill: Command, topics: Topics) -> Command:
    return made(waybill, topics)


def verdict(waybill: Command, message: dict[str, Any]) -> str:
    consumed(waybill, Topics(waybill.setting("WAYBILL_KAFKA"), waybill.setting("WAYBILL_TOPIC_PREFIX")))
    (told,) = waybill.ask("message", message["source"], message["id"])
    return str(told["verdict"])


def test_python_publishes_in_both_modes_and_hears_of_its_trouble(consuming: Command, topics: Topics) -> None:
    publishing = python("def publish(")
    waits = dispatched("SO-9", "2025-03-05T09:00:00Z")

    publishing["publish"](topics.url, f"{topics.prefix}orders", [order(1), order(1), waits])
    publishing["publish_binary"](topics.url, f"{topics.prefix}orders", order(2))

    assert verdict(consuming, order(1)) == verdict(consuming, order(2)) == "applied"
    keys = {record.key for record in all_records(topics.url, f"{topics.prefix}orders")}
    assert keys == {b"SO-1", b"SO-2", b"SO-9"}

    own_trouble = python("def own_trouble(")["own_trouble"]
    consuming("relay", "--once").done()
    verdicts = f"{topics.prefix}waybill.verdicts"
    assert {message: what for message, (what, _) in own_trouble(topics.url, verdicts, SOURCE).items()} == {
        ("SO-9", waits["id"]): "held"
    }
    assert own_trouble(topics.url, verdicts, "/another") == own_trouble(topics.url, verdicts, SOURCE, hours=0) == {}
    # when what it names is known
    booking = booked("SO-9", "2025-03-04T09:00:00Z", "2025-03-10T12:00:00Z")
    publishing["publish"](topics.url, f"{topics.prefix}orders", [order(9), booking])
    consumed(consuming, topics)
    consuming("relay", "--once").done()
    assert own_trouble(topics.url, verdicts, SOURCE) == {}
    with pytest.raises(LookupError, match="no topic"):
        own_trouble(topics.url, f"{topics.prefix}no.such", SOURCE)


def test_java_publishes(consuming: Command, topics: Topics, tmp_path: Path) -> None:
    if not (shutil.which("javac") and list(JARS.glob("kafka-clients-*.jar"))):
        pytest.skip("needs a JDK, and the jars that `make kafka-up` fetches")
    program = tmp_path / "Publish.java"
    program.write_text(block("java", "KafkaProducer"))

    subprocess.run(
        ["java", "-cp", f"{JARS}/*", program, topics.url, f"{topics.prefix}orders", "SO-3", json.dumps(order(3))],
        check=True,
        capture_output=True,
    )

    assert verdict(consuming, order(3)) == "applied"


def test_a_shell_publishes_in_both_modes(consuming: Command, topics: Topics, tmp_path: Path) -> None:
    if not shutil.which("kcat"):
        pytest.skip("needs kcat (on Debian and Ubuntu: apt-get install kcat)")
    env = {"PATH": consuming.setting("PATH"), "BROKER": topics.url, "TOPIC": f"{topics.prefix}orders"}
    (tmp_path / "events.tsv").write_text(f"SO-4\t{json.dumps(order(4))}\n")
    (tmp_path / "data.json").write_text(json.dumps(order(77)["data"]))

    for code in (block("sh", "events.tsv"), block("sh", "data.json")):
        subprocess.run(["bash", "-euc", code], cwd=tmp_path, env=env, check=True)

    assert verdict(consuming, order(4)) == "applied"
    assert [told["verdict"] for told in consuming.ask("message", "shell", "SH-77-1")] == ["applied"]
    by_key = {record.key: record.partition for record in all_records(topics.url, f"{topics.prefix}orders")}
    python("def publish(")["publish"](topics.url, f"{topics.prefix}orders", [order(4), order(77)])
    again = all_records(topics.url, f"{topics.prefix}orders")
    assert {record.key: record.partition for record in again} == by_key, "both choose the same partition for a key"
    assert len(again) == 4
