"""given what a rep sold and delivered, when scorecards are asked for, then they are as docs/scorecards.md says."""

import json
import re
from pathlib import Path

import pytest

from tests.integration.command import Command

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "scorecards.md").read_text("utf-8")
COLUMNS = [
    *("rep_id", "month", "currency", "delivered", "on_time", "late", "otif_percent"),
    *("expedites_requested", "expedites_granted", "expedites_met", "placed_value", "delivered_value"),
    *("quota", "attainment_percent", "base", "commission", "bonus", "pay"),
]
CONTACTS = ["contacts_order", "contacts_inquiry", "contacts_account_update", "contacts_promotion"]


def block(language: str) -> list[str]:
    (found,) = re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL)
    return str(found).splitlines()


@pytest.fixture
def desk(waybill: Command) -> Command:
    contact = {"direction": "outbound", "about": "inquiry", "rep_id": "rep-7"}
    rep = {"name": "Ann", "level": "senior", "team": "north"}
    said = [("customer.contacted.v1", "AC-1", contact), ("rep.registered.v1", "rep-7", rep)]
    more = [
        json.dumps(
            {"specversion": "1.0", "id": kind, "source": "crm", "type": kind, "subject": subject, "data": data}
            | {"time": "2026-06-30T12:00:00Z"}
        )
        for kind, subject, data in said
    ]
    lines = "\n".join([*block("json"), *more]).encode()
    waybill("ingest", "--history", "--strict", "-", stdin=lines).done()
    return waybill


def test_the_worked_example_gives_the_figures_of_the_page(desk: Command) -> None:
    table = [[cell.strip() for cell in line.strip("|").split("|")] for line in PAGE.splitlines() if line[:1] == "|"]
    names = next(row for row in table if row[0] == "question")[1:]
    expected = [row[1:] for row in table if row[0].startswith("what ") and row[0] != "what counts"]
    commands = [line.split()[1:] for line in block("sh")]
    assert len(commands) == len(expected) == 3
    for command, figures in zip(commands, expected, strict=True):
        (row,) = desk.ask(*command)
        assert list(row) == COLUMNS
        assert [str(row[name]) for name in names] == figures


def test_rows_are_selected_by_month_and_rep(desk: Command) -> None:
    assert [row["month"] for row in desk.ask("scorecard", "--rep", "rep-7")] == ["2026-06"]
    desk("scorecard", "--rep", "rep-8").exited(1, "no message speaks of rep rep-8")
    assert desk.ask("rep_scorecard", "--month", "2026-05") == []


def test_totals_have_columns_of_their_own(desk: Command) -> None:
    for by, column, whose in (("team", "team", "north"), ("mentor", "mentor_id", None)):
        (row,) = desk.ask("scorecard", "--by", by)
        assert list(row) == [column, "month", "currency", "reps", *COLUMNS[3:]]
        assert (row[column], row["reps"], row["pay"]) == (whose, 1, "4115.34")


def test_contacts_by_kind_are_further_columns(desk: Command) -> None:
    (row,) = desk.ask("scorecard", "--contacts")
    assert list(row) == [*COLUMNS, *CONTACTS]
    assert [row[name] for name in CONTACTS] == [0, 1, 0, 0]
    (row,) = desk.ask("scorecard", "--contacts", "--by", "team")
    assert [row[name] for name in CONTACTS] == [0, 1, 0, 0]
    (row,) = desk.ask("workload", "--contacts", "--as-of", "2026-07-01")
    assert list(row)[-5:] == ["contacts_7d", *CONTACTS]
    assert [row[name] for name in CONTACTS] == [0, 1, 0, 0]
    (row,) = desk.ask("workload", "--contacts", "--as-of", "2026-07-08", "--known-at", "2026-06-30")
    assert (row["contacts_7d"], row["contacts_inquiry"]) == (0, 0)


def test_wrong_questions_are_told_what_to_ask(desk: Command) -> None:
    desk("scorecard", "--month", "2026-6").exited(2, "'2026-6' is not a month; give one as 2026-03")
    desk("scorecard", "--month", "2026-13").exited(2, "is not a month")
    desk("scorecard", "--by", "team", "--rep", "rep-7").exited(2, "leave out --rep or --by")
    desk("scorecard", "--by", "account").exited(2, "is not one of 'team', 'mentor'")


def test_a_zone_that_the_store_does_not_know_yet_is_told_what_to_do(desk: Command) -> None:
    berlin = desk.with_(WAYBILL_TIME_ZONE="Europe/Berlin")
    berlin("scorecard").exited(1, "no months of the business time zone Europe/Berlin yet: run waybill project --once")
    berlin("workload").done()
    berlin("project", "--once").done()
    assert [row["month"] for row in berlin.ask("scorecard")] == ["2026-06"]
