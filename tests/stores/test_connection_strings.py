"""A connection string's options hold for every connection, however they are written."""

from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest

from infra.app.container import Waybill
from infra.settings import Settings
from infra.store.opening import Access
from tests.integration.command import Command
from tests.stores.conftest import StoreUrl

pytestmark = pytest.mark.postgres


def test_every_connection_has_the_options_that_were_given(postgres_store: StoreUrl) -> None:
    # given options in the connection string
    url = postgres_store()
    settings = Settings(store=f"{url}?application_name=floor-3&options=-c%20statement_timeout%3D54321")
    with Waybill(settings) as waybill:
        # when all kinds of connections are open: for queries, the library's own, and a leader's
        leadership = waybill.backend.leadership("projector")
        assert leadership.claim()
        recorder: Any = waybill.application.recorder
        with waybill.engine.connect() as queries, recorder.datastore.get_connection() as library:
            # then each of them has them
            assert queries.exec_driver_sql("SHOW statement_timeout").scalar_one() == "54321ms"
            assert library.execute("SHOW statement_timeout").fetchone() == {"statement_timeout": "54321ms"}
            with psycopg.connect(url, application_name="onlooker") as onlooker:
                names: list[tuple[str, int]] = onlooker.execute(
                    "SELECT application_name, count(*) FROM pg_stat_activity "
                    "WHERE datname = current_database() AND backend_type = 'client backend' GROUP BY 1"
                ).fetchall()
            assert dict(names).keys() == {"floor-3", "onlooker"}
            assert dict(names)["floor-3"] >= 3
        leadership.close()


def test_one_that_asks_for_encryption_is_refused_by_every_connection(postgres_store: StoreUrl) -> None:
    # given a store on a server that cannot encrypt, opened without asking for it
    url = postgres_store()
    with Waybill(Settings(store=url)):
        pass
    # when encryption is asked for, then nothing connects without it
    for access in Access:
        with pytest.raises(Exception, match="server does not support SSL"):
            Waybill(Settings(store=f"{url}?sslmode=verify-full"), access=access)


def test_host_port_and_role_may_be_options(postgres_store: StoreUrl, waybill: Command) -> None:
    parts = urlsplit(postgres_store())
    url = f"postgresql://{parts.path}?host={parts.hostname}&port={parts.port}&user={parts.username}"
    service = waybill.with_(WAYBILL_STORE=url)
    service("project", "--once").done()
    assert service("status", "--format", "json").done().json["head"] == 0


def test_no_message_and_no_log_shows_a_password(empty_database: StoreUrl, waybill: Command) -> None:
    parts = urlsplit(empty_database())
    place = f"{parts.hostname}:{parts.port}"
    for wrong in (
        f"postgresql://{place}/not_there?user=postgres&password=s3cret",
        f"postgresql://postgres:s3cret@{place}{parts.path}?password=s3cret%zz",
        f"postgresql://postgres:s3cret@{place}{parts.path}",  # a store with nothing in it, asked
        "host=db user=postgres password='s3cret and more' dbname=waybill",
    ):
        ran = waybill.with_(WAYBILL_STORE=wrong, WAYBILL_LOG_LEVEL="debug", WAYBILL_LOG_FORMAT="json")("status")
        assert ran.code in (1, 2), ran
        assert "s3cret" not in ran.text + ran.err
        assert "Traceback" not in ran.err
