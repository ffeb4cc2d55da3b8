"""given where a store stands, then the line below its answers says so."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from infra.app.reactor_lag import NotStated
from infra.app.store_standing import MOST_COUNTED, StoreStanding, short_name
from infra.cli.answer_footer import footer_text, not_stated_text, readable_age
from infra.settings import Settings

NOW = datetime(2026, 3, 9, 9, tzinfo=UTC)
STANDING = StoreStanding("waybill.db", 6, NOW - timedelta(minutes=3), received=True)


def test_it_names_the_store_its_position_and_its_age() -> None:
    assert footer_text(STANDING, NOW) == "store waybill.db: position 6, last message 3 min ago, views up to date"


@pytest.mark.parametrize(
    ("behind", "stands_still", "said"),
    [
        (1, False, "views 1 event behind: waybill project --once"),
        (1_234, False, "views 1,234 events behind: waybill project --once"),
        (MOST_COUNTED + 1, False, "views more than 10,000 events behind: waybill project --once"),
        (12, True, "views 12 events behind: one is paused or failed: waybill status"),
    ],
)
def test_it_says_how_far_the_views_are_behind_and_what_to_type(behind: int, stands_still: bool, said: str) -> None:
    assert footer_text(STANDING._replace(behind=behind, stands_still=stands_still), NOW).endswith(said)


def test_a_store_that_does_not_know_when_it_received_its_last_message_leaves_that_out() -> None:
    assert footer_text(STANDING._replace(received_at=None), NOW) == "store waybill.db: position 6, views up to date"


def test_what_is_not_stated_names_its_reasons_how_far_the_reactors_are_behind_and_what_to_type() -> None:
    assert not_stated_text(NotStated(["parcels", "standing-orders"], 10_001)) == (
        "what follows from parcels' scans and standing orders is not stated yet, "
        "the reactors are more than 10,000 events behind: waybill react --once"
    )


def test_an_empty_store_says_so() -> None:
    empty = StoreStanding("waybill.db", 0, None, received=False)
    assert footer_text(empty, NOW) == "store waybill.db: empty: no message was ever received"
    assert footer_text(empty._replace(received=True), NOW) == "store waybill.db: no event yet"


def test_a_paused_consumer_is_named_since_what_is_asked_for_may_lie_unread_in_kafka() -> None:
    said = "; consume is paused since 2026-03-09 08:57Z, messages may be unread: waybill resume consume"
    paused = STANDING._replace(unread_since=NOW - timedelta(minutes=3))
    assert footer_text(paused, NOW) == footer_text(STANDING, NOW) + said
    assert footer_text(paused._replace(position=0), NOW) == f"store waybill.db: no event yet{said}"


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=59), "59 s ago"),
        (timedelta(seconds=60), "1 min ago"),
        (timedelta(hours=1), "1 h ago"),
        (timedelta(hours=47, minutes=59), "47 h ago"),
        (timedelta(days=2), "2 days ago"),
        (timedelta(minutes=-5), "5 min ahead of the clock"),
    ],
)
def test_an_age_has_one_unit(age: timedelta, said: str) -> None:
    assert readable_age(age) == said


def test_a_store_below_the_current_folder_is_named_from_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert short_name(Settings(store=f"sqlite:///{tmp_path}/.waybill/tour.db")) == ".waybill/tour.db"


@pytest.mark.parametrize(
    ("url", "name"),
    [
        ("sqlite:///waybill.db", "waybill.db"),
        ("sqlite:////srv/waybill/eu.db", "/srv/waybill/eu.db"),
        ("postgresql://ann:s%40cret@db.example:5432/waybill?sslmode=require", "db.example:5432/waybill"),
        ("postgresql:///waybill?password=secret", "localhost/waybill"),
    ],
)
def test_the_short_name_of_a_store_has_no_secrets(url: str, name: str) -> None:
    assert short_name(Settings(store=url)) == name
