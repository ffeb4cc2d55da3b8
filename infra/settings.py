"""Settings, from the environment (`WAYBILL_…`) or a `.env` file in the working directory."""

import re
from collections.abc import Callable, Iterable
from datetime import timedelta
from decimal import Decimal
from ipaddress import ip_network
from typing import Annotated, Literal
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator, Field, SecretStr, ValidationError, WrapValidator
from pydantic_settings import BaseSettings, SettingsConfigDict

from infra.masking import MASK, masked_value

_LONGEST_SPAN = timedelta(days=3653)


def _known_store(url: str) -> str:
    if url.startswith("postgresql://"):
        # Imported here: the driver takes a quarter of a second to import, and SQLite does not need it.
        from infra.store.postgres.connection_string import connection_parameters

        connection_parameters(url)
        return url
    if not url.startswith("sqlite:///"):
        raise ValueError("must be sqlite:///PATH or postgresql://USER:PASSWORD@HOST:PORT/DATABASE")
    path = url.removeprefix("sqlite:///")
    if not path or path == ":memory:":
        raise ValueError("must name a file: sqlite:///PATH")
    return url


def _known_zone(name: str) -> str:
    if name not in available_timezones() - {"localtime"}:
        raise ValueError("must be an IANA time zone, such as Europe/Berlin")
    return name


def _span(value: object, parse: Callable[[object], timedelta]) -> timedelta:
    try:
        span = parse(value)
    except ValidationError:
        span = None
    if span is None or not timedelta(0) <= span <= _LONGEST_SPAN:
        raise ValueError("must be a span of time in ISO 8601, such as P7D or PT36H, of at most 10 years (P3653D)")
    return span


def known_address(address: str) -> str:
    host, _, port = address.strip().rpartition(":")
    if address.strip() and not (host and port.isdecimal() and int(port) < 65536):
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:9464")
    return address.strip()


def _served_address(address: str) -> str:
    if not address.strip():
        raise ValueError("must be HOST:PORT, such as 127.0.0.1:8400")
    return known_address(address)


def _known_names(names: str) -> str:
    found = [name.strip().lower() for name in names.split(",") if name.strip()]
    for name in found:
        if not re.fullmatch(r"[a-z0-9_]([a-z0-9_.-]*[a-z0-9_])?|[0-9a-f:.]+", name):
            raise ValueError("must be host names without port, separated by commas, such as waybill.example.com")
    return ",".join(found)


def _known_proxies(addresses: str) -> str:
    found = [address.strip() for address in addresses.split(",") if address.strip()]
    for address in found:
        try:
            ip_network(address)
        except ValueError:
            raise ValueError("must be IP addresses or networks, such as 10.0.0.5 or 10.0.0.0/8") from None
    return ",".join(found)


def _known_brokers(addresses: str) -> str:
    for address in addresses.split(","):
        host, _, port = address.strip().rpartition(":")
        if not (host and port.isdecimal() and 0 < int(port) < 65536):
            raise ValueError("must be HOST:PORT, or several of these separated by commas")
    return ",".join(address.strip() for address in addresses.split(","))


Weight = Annotated[Decimal, Field(ge=0, le=1_000, max_digits=8, decimal_places=4)]


class Settings(BaseSettings):
    """Every setting has a default that suits a first try on one machine."""

    model_config = SettingsConfigDict(env_prefix="WAYBILL_", env_file=".env", env_file_encoding="utf-8", extra="ignore")

    store: Annotated[str, AfterValidator(_known_store)] = Field(
        "sqlite:///waybill.db",
        description="Where events, verdicts and views are kept: sqlite:///PATH or "
        "postgresql://USER:PASSWORD@HOST:PORT/DB?OPTION=VALUE, with libpq's options, such as sslmode.",
    )
    max_message_bytes: int = Field(1_048_576, ge=1_024, description="The largest accepted message, in bytes.")
    clock_skew: timedelta = Field(
        timedelta(hours=1),
        ge=timedelta(0),
        le=timedelta(days=366),
        description="How far a message's time may be ahead of the clock before it is held: ISO 8601 (PT1H) or seconds.",
    )
    hold_hours: int = Field(
        72,
        ge=0,
        le=1_000_000,
        description="A message held longer than this, counted from its receipt by this store, counts as dead until it "
        "is taken.",
    )
    time_zone: Annotated[str, AfterValidator(_known_zone)] = Field(
        "UTC",
        description="The business time zone, for dates without a time in commands and messages: an IANA name.",
    )
    balance_weight_order: Weight = Field(Decimal(1), description="waybill balance: what every open order counts.")
    balance_weight_overdue: Weight = Field(Decimal(3), description="waybill balance: added for an overdue order.")
    balance_weight_expedite: Weight = Field(
        Decimal(3), description="waybill balance: added for each undecided expedite request of an order."
    )
    balance_weight_at_risk: Weight = Field(Decimal(1), description="waybill balance: added for an order at risk.")
    balance_weight_follow_up: Weight = Field(
        Decimal(1), description="waybill balance: added for an order with a follow-up owed."
    )
    balance_entry_share: Annotated[Decimal, Field(gt=0, le=1, max_digits=8, decimal_places=4)] = Field(
        Decimal("0.6"), description="waybill balance: an entry rep takes this share of a senior rep's work; above 0."
    )
    standing_catch_up: Annotated[timedelta, WrapValidator(_span)] = Field(
        timedelta(days=7),
        description="How long after the end of its day the order of a standing order is still placed: ISO 8601 (P7D). "
        "An older date is reported as missed.",
    )
    bitemporal: bool = Field(
        False,
        description="Whether a new store keeps what was believed of each order, and when; waybill rebuild --bitemporal "
        "turns that on for a store that has events.",
    )
    batch_messages: int = Field(
        10_000,
        ge=1,
        le=100_000,
        description="The most messages stored in one transaction; it also ends at 8 MiB of messages.",
    )
    batch_events: int = Field(10_000, ge=1, le=1_000_000, description="Events projected in one transaction.")
    question_processes: int = Field(
        0,
        ge=0,
        le=64,
        description="How many processes a command with --known-at shares its work among. 0: as many as there are "
        "processors, at most 8, and one for less than 100,000 events.",
    )
    retry_seconds: float = Field(
        300, ge=0, le=86_400, description="How long to wait for an unavailable store before giving up, in seconds."
    )
    kafka: Annotated[str, AfterValidator(_known_brokers)] = Field(
        "127.0.0.1:9092", description="Kafka's addresses: HOST:PORT, several separated by commas."
    )
    kafka_group: str = Field(
        "waybill", min_length=1, max_length=200, description="The consumer group; the topic prefix is added in front."
    )
    kafka_security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = Field(
        "PLAINTEXT", description="How to connect to Kafka: encrypted (SSL), with a name and password (SASL), or both."
    )
    kafka_sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = Field(
        "SCRAM-SHA-512", description="How to authenticate to Kafka, with SASL."
    )
    kafka_sasl_username: str = Field("", description="The name for SASL.")
    kafka_sasl_password: SecretStr = Field(SecretStr(""), description="The password for SASL.")
    kafka_ssl_ca_file: str = Field(
        "", description="Trusted certificate authorities for Kafka (PEM); empty: the system's."
    )
    kafka_ssl_cert_file: str = Field("", description="This service's own certificate (PEM), if Kafka asks for one.")
    kafka_ssl_key_file: str = Field("", description="The key to that certificate (PEM).")
    kafka_ssl_key_password: SecretStr = Field(SecretStr(""), description="The password of that key.")
    topic_prefix: str = Field(
        "", max_length=200, pattern=r"^[A-Za-z0-9._-]*$", description="A prefix for the name of every topic."
    )
    relay_source: str = Field(
        "waybill",
        min_length=1,
        max_length=200,
        description="The `source` of the CloudEvents that the relay publishes; do not change it later.",
    )
    relay_from: Literal["auto", "beginning", "now"] = Field(
        "auto",
        description="Where the first relay of a store begins. beginning: with its whole history; now: with what comes "
        "from now on; auto: with its whole history, unless the relay's topics already have records: then it waits.",
    )
    serve: Annotated[str, AfterValidator(_served_address)] = Field(
        "127.0.0.1:8400",
        description="Where serve listens: HOST:PORT. Beyond loopback it needs keys (waybill keys create).",
    )
    serve_names: Annotated[str, AfterValidator(_known_names)] = Field(
        "",
        description="The host names by which people reach serve beyond localhost, separated by commas, such as "
        "waybill.example.com.",
    )
    serve_proxies: Annotated[str, AfterValidator(_known_proxies)] = Field(
        "",
        description="The IP addresses of reverse proxies in front of serve, separated by commas: their X-Forwarded-For "
        "and X-Forwarded-Proto are believed.",
    )
    serve_session_hours: float = Field(12, gt=0, le=720, description="How long a browser stays signed in, in hours.")
    serve_key_rate: int = Field(
        2_000, ge=0, le=1_000_000, description="How many requests a second one key may make; 0: any number."
    )
    serve_threads: int = Field(
        20,
        ge=2,
        le=200,
        description="How many requests serve works on at once, each in a thread. A process opens up to two connections "
        "to PostgreSQL for each, and 15 more.",
    )
    state_folder: str = Field(
        "",
        description="Where serve keeps what is not in the store: when keys were last used, and the secret of sessions; "
        "empty: ~/.local/state/waybill.",
    )
    metrics: Annotated[str, AfterValidator(known_address)] = Field(
        "",
        description="Where up, consume, project, react and relay serve /metrics, /healthz and /readyz: HOST:PORT, such "
        "as 127.0.0.1:9464; empty: nowhere.",
    )
    stuck_seconds: float = Field(
        60, ge=15, le=86_400, description="/readyz reports a part that has not moved for so long though it has work."
    )
    traces: str = Field(
        "",
        pattern=r"^(https?://.+)?$",
        description="Where to send OpenTelemetry traces (OTLP over HTTP), such as http://127.0.0.1:4318; empty: "
        "nowhere. Needs waybill-fulfillment[otel].",
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="json: one line an event; console: for people; auto: console on a terminal, else json."
    )
    log_level: Literal["auto", "debug", "info", "warning", "error"] = Field(
        "auto", description="The lowest level that is logged; auto: error on a terminal, else info."
    )

    @property
    def names_kafka(self) -> bool:
        """Whether somebody has set WAYBILL_KAFKA: a store without Kafka leaves its default."""
        return "kafka" in self.model_fields_set

    @property
    def names_store(self) -> bool:
        """Whether somebody has set WAYBILL_STORE."""
        return "store" in self.model_fields_set

    @property
    def sqlite_path(self) -> str | None:
        """The store's file; None when the store is not a file."""
        return self.store.removeprefix("sqlite:///") if self.store.startswith("sqlite:///") else None

    @property
    def zone(self) -> ZoneInfo:
        return ZoneInfo(self.time_zone)

    def printable(self) -> list[dict[str, str]]:
        """The variable, value and meaning of each setting; passwords are masked."""
        rows = []
        for name, field in type(self).model_fields.items():
            value = getattr(self, name)
            rows.append(
                {
                    "setting": f"WAYBILL_{name.upper()}",
                    "value": _shown(value),
                    "meaning": field.description or "",
                }
            )
        return rows


OTHER_VARIABLES = ("WAYBILL_LOCAL_", "WAYBILL_TEST_", "WAYBILL_FAULT_", "WAYBILL_ORACLE_", "WAYBILL_DATA")
"""How variables begin that the servers of make and the tests read."""


def unknown_variables(environment: Iterable[str]) -> list[str]:
    """The variables that begin like settings and are none: misspelt ones, which nothing else notices."""
    known = {f"WAYBILL_{name.upper()}" for name in Settings.model_fields}
    return sorted(
        name
        for name in environment
        if name.upper().startswith("WAYBILL_") and name.upper() not in known and not name.startswith(OTHER_VARIABLES)
    )


class WrongSettingsError(Exception):
    """A setting is invalid; the message names the variable and the fix."""


def load_settings() -> Settings:
    """Raises WrongSettingsError."""
    try:
        return Settings()
    except (UnicodeDecodeError, OSError) as e:
        raise WrongSettingsError(f"the file .env in this folder cannot be read: {e}") from e
    except ValidationError as e:
        problems = [
            f"WAYBILL_{str(problem['loc'][0]).upper()}: {problem['msg'].removeprefix('Value error, ')}"
            f" (it is {masked_value(str(problem['input']))!r})"
            for problem in e.errors()
        ]
        raise WrongSettingsError("; ".join(problems)) from e


def _shown(value: object) -> str:
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    return masked_value(value) if isinstance(value, str) else str(value)
