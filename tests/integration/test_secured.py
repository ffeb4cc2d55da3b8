"""A broker that speaks TLS and asks for a password: every command that reaches Kafka gets in with the settings."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from kafka.admin import KafkaAdminClient, UserScramCredentialUpsertion

from tests.conftest import without_kafka
from tests.integration.broker import Broker, NoBrokerError, private_broker
from tests.integration.command import Command
from tests.integration.messages import placed

pytestmark = [pytest.mark.kafka, pytest.mark.slow]

PLACED = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
PASSWORD = "a secret with spaces"
LOGIN = "org.apache.kafka.common.security"


def secured(folder: Path, port: int) -> str:
    """The broker's settings, with a certificate that vouches for itself."""
    certificate = ["-subj", "/CN=waybill", "-addext", "subjectAltName=IP:127.0.0.1", "-days", "2"]
    files: list[str | Path] = ["-keyout", folder / "key.pem", "-out", folder / "ca.pem"]
    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *certificate)
    pair = (folder / "key.pem").read_text() + (folder / "ca.pem").read_text()
    (folder / "broker.pem").write_text(pair)
    plain = (
        f'{LOGIN}.plain.PlainLoginModule required username="me" password="me" user_me="me" user_waybill="{PASSWORD}"'
    )
    return "\n".join(
        (
            f"listeners=SASL_SSL://127.0.0.1:{port},CONTROLLER://127.0.0.1:{port + 1}",
            f"advertised.listeners=SASL_SSL://127.0.0.1:{port}",
            "listener.security.protocol.map=SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT",
            "security.inter.broker.protocol=SASL_SSL",
            "sasl.mechanism.inter.broker.protocol=PLAIN",
            "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512",
            f"listener.name.sasl_ssl.plain.sasl.jaas.config={plain};",
            f"listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config={LOGIN}.scram.ScramLoginModule required;",
            "ssl.keystore.type=PEM",
            f"ssl.keystore.location={folder}/broker.pem",
            "ssl.truststore.type=PEM",
            f"ssl.truststore.location={folder}/ca.pem",
            "",
        )
    )


def openssl(*arguments: str | Path) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("secured")


@pytest.fixture(scope="module")
def broker(folder: Path) -> Iterator[Broker]:
    try:
        broker = private_broker(folder / "kafka", lambda port: secured(folder, port))
    except NoBrokerError as e:
        without_kafka(e)
    with broker.guarded():
        add_scram_user(broker, folder)
        yield broker


@pytest.fixture
def trusted(waybill: Command, broker: Broker, folder: Path) -> Command:
    return waybill.with_(
        WAYBILL_KAFKA=broker.url,
        WAYBILL_KAFKA_SECURITY_PROTOCOL="SASL_SSL",
        WAYBILL_KAFKA_SSL_CA_FILE=str(folder / "ca.pem"),
        WAYBILL_KAFKA_SASL_USERNAME="waybill",
        WAYBILL_KAFKA_SASL_PASSWORD=PASSWORD,
        WAYBILL_KAFKA_SASL_MECHANISM="PLAIN",
    )


def add_scram_user(broker: Broker, folder: Path) -> None:
    admin = KafkaAdminClient(
        bootstrap_servers=broker.url,
        security_protocol="SASL_SSL",
        ssl_cafile=str(folder / "ca.pem"),
        sasl_mechanism="PLAIN",
        sasl_plain_username="me",
        sasl_plain_password="me",
    )
    try:
        admin.alter_user_scram_credentials([UserScramCredentialUpsertion("scrambled", "SCRAM-SHA-512", PASSWORD)])
    finally:
        admin.close()


@pytest.mark.parametrize(("mechanism", "user"), [("PLAIN", "waybill"), ("SCRAM-SHA-512", "scrambled")])
def test_what_is_published_is_consumed_and_relayed_over_tls_with_a_password(
    trusted: Command, mechanism: str, user: str
) -> None:
    trusted = trusted.with_(
        WAYBILL_KAFKA_SASL_MECHANISM=mechanism, WAYBILL_KAFKA_SASL_USERNAME=user, WAYBILL_TOPIC_PREFIX=f"{user}."
    )
    trusted("topics", "create", "--partitions", "1").done()
    trusted("publish", trusted.file("one.jsonl", PLACED)).done()
    consumer = trusted.start("up")
    while not trusted.ask("status")["books"]["applied"]:
        assert consumer.is_alive(), consumer.wait()
    consumer.terminate()
    consumer.wait().done()

    assert {p["lag"] for p in trusted.ask("status")["partitions"]} == {0}
    rows = trusted.ask("reingest", "--topic", "orders", "--from", "0", "--dry-run")
    assert [row["verdict"] for row in rows] == ["duplicate"]
    assert PASSWORD not in trusted("settings").done().text


@pytest.mark.parametrize("command", [("publish", "one.jsonl"), ("consume",), ("topics", "create")])
def test_a_wrong_password_is_said_in_a_line(trusted: Command, command: tuple[str, ...]) -> None:
    trusted.file("one.jsonl", PLACED)

    ran = trusted.with_(WAYBILL_KAFKA_SASL_PASSWORD="wrong")(*command)
    ran.exited(1, "Kafka", "Authentication failed")
    assert "wrong" not in ran.err and PASSWORD not in ran.err


def test_a_broker_with_an_untrusted_certificate_is_refused(trusted: Command) -> None:
    stranger = trusted.with_(WAYBILL_KAFKA_SSL_CA_FILE="")

    stranger("publish", trusted.file("one.jsonl", PLACED), "--give-up-after", "20").exited(1, "certificate")
