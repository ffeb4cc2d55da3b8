"""Kafka connections: converts the settings to kafka-python's, for producers, consumers and admins."""

from pathlib import Path
from typing import Any

from infra.settings import Settings, WrongSettingsError


def kafka_connection(settings: Settings) -> dict[str, Any]:
    """The settings of a connection. Raises WrongSettingsError if they are inconsistent."""
    # The client takes a tenth of a second to import: commands that never reach Kafka do without it.
    from consumers.kafka_workarounds import listen_for_reasons

    listen_for_reasons()
    connection: dict[str, Any] = {
        "bootstrap_servers": settings.kafka.split(","),
        "security_protocol": settings.kafka_security_protocol,
        "client_id": "waybill",
    }
    if settings.kafka_security_protocol.startswith("SASL"):
        password = settings.kafka_sasl_password.get_secret_value()
        for name, value in (("USERNAME", settings.kafka_sasl_username), ("PASSWORD", password)):
            if not value:
                raise WrongSettingsError(
                    f"WAYBILL_KAFKA_SASL_{name}: must be given, since "
                    f"WAYBILL_KAFKA_SECURITY_PROTOCOL is {settings.kafka_security_protocol}"
                )
        connection |= {
            "sasl_mechanism": settings.kafka_sasl_mechanism,
            "sasl_plain_username": settings.kafka_sasl_username,
            "sasl_plain_password": password,
        }
    if settings.kafka_security_protocol.endswith("SSL"):
        connection |= {
            "ssl_cafile": _file("CA", settings.kafka_ssl_ca_file),
            "ssl_certfile": _file("CERT", settings.kafka_ssl_cert_file),
            "ssl_keyfile": _file("KEY", settings.kafka_ssl_key_file),
            "ssl_password": settings.kafka_ssl_key_password.get_secret_value() or None,
        }
    return connection


def _file(which: str, path: str) -> str | None:
    if path and not Path(path).is_file():
        raise WrongSettingsError(f"WAYBILL_KAFKA_SSL_{which}_FILE: there is no file {path}")
    return path or None
