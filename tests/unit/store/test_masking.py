"""A password is masked however it is written, and the rest stays readable."""

import pytest

from infra.masking import MASK, masked, masked_value
from infra.settings import Settings
from infra.store.postgres.connection_string import connection_parameters

WRITTEN = {
    "postgresql://waybill:s3cret@db:5432/waybill": f"postgresql://waybill:{MASK}@db:5432/waybill",
    "postgresql://waybill:s3cr%65t%40@db/waybill?sslmode=require": f"postgresql://waybill:{MASK}@db/waybill?sslmode=require",
    "postgresql://db/waybill?user=w&password=s3cret&sslmode=require": f"postgresql://db/waybill?user=w&password={MASK}&sslmode=require",
    "postgresql://db/waybill?pass%77ord=s3cret": f"postgresql://db/waybill?pass%77ord={MASK}",
    "postgresql://db/waybill?PASSWORD=s3cret": f"postgresql://db/waybill?PASSWORD={MASK}",
    "postgresql://db/waybill?sslpassword=s3cret": f"postgresql://db/waybill?sslpassword={MASK}",
    "postgresql://db/waybill?oauth_client_secret=s3cret": f"postgresql://db/waybill?oauth_client_secret={MASK}",
    "postgresql://waybill:s3/cr@et@db/waybill": f"postgresql://waybill:{MASK}@db/waybill",
    "postgresql://waybill:s3?cr&e=t@db/waybill": f"postgresql://waybill:{MASK}@db/waybill",
    "postgresql://:s3cret@db/waybill": f"postgresql://:{MASK}@db/waybill",
    "host=db user=w password=s3cret dbname=waybill": f"host=db user=w password={MASK} dbname=waybill",
    r"host=db password = 's3 cr\'et' dbname=waybill": f"host=db password = {MASK} dbname=waybill",
    "password=s3&cret dbname=waybill": f"password={MASK} dbname=waybill",
    r"password=s3\ cret dbname=waybill": f"password={MASK} dbname=waybill",
    "wbk_abcdefghij27_s3cret": f"wbk_abcdefghij27_{MASK}",
}
PLAIN = (
    "sqlite:///waybill.db",
    "sqlite:////srv/a=b/50%?.db",
    "postgresql://waybill@db/waybill?application_name=a@b",
    "the password is wrong",
    "at 12:30 by rep@example.com, https://example.com/a?b=c",
)


@pytest.mark.parametrize("written", WRITTEN)
def test_a_password_is_masked_however_it_is_written(written: str) -> None:
    assert masked_value(written) == WRITTEN[written]
    # and so it is in a sentence, before whose end nothing is lost but the password
    assert masked(f"no answer from {written}\nagain later") == f"no answer from {WRITTEN[written]}\nagain later"


def test_a_value_may_hold_a_password_with_blanks() -> None:
    assert masked_value("password='s3cret, never closed") == f"password={MASK}"
    assert masked_value("postgresql://waybill:s3 cr et@db/waybill") == f"postgresql://waybill:{MASK}@db/waybill"
    assert (
        masked_value("postgresql://db/waybill?password=s3 cret&a=b") == f"postgresql://db/waybill?password={MASK}&a=b"
    )


@pytest.mark.parametrize("text", PLAIN)
def test_what_holds_no_password_stays_as_it_is(text: str) -> None:
    assert masked(text) == text
    assert masked_value(text) == text


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://waybill:s3cret%zz@db/waybill",
        "postgresql://db/waybill?password=s3cret%zz",
        "postgresql://db/waybill?password=a=s3cret",
        "postgresql://db/waybill?s3cret",
        "postgresql://waybill:s3cret@[db/waybill",
        "postgresql://waybill:s3cret@db",
    ],
)
def test_what_cannot_be_read_is_refused_without_the_password(url: str) -> None:
    with pytest.raises(ValueError, match=r"connection string|must name a database") as refused:
        connection_parameters(url)
    assert "s3cret" not in str(refused.value)


def test_a_connection_string_keeps_its_options_and_gives_way_to_none_of_ours() -> None:
    url = "postgresql:///waybill?host=/run/db&port=6432&user=w&sslmode=verify-full&connect_timeout=3&application_name=n"
    parameters = connection_parameters(url)
    given = {"host": "/run/db", "port": "6432", "user": "w", "sslmode": "verify-full", "connect_timeout": "3"}
    assert given.items() <= parameters.items()
    assert Settings(store=url).store == url
