"""Messages written to command a terminal or a spreadsheet: the command shows them, and neither obeys."""

import csv
import json
import re
from typing import Any

from projections.views.catalogue import VIEWS
from tests.integration.command import Command, Ran
from tests.integration.messages import SOURCE, message, placed

FORBIDDEN = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]")
HOSTILE = "=1+1\u202eevil\u202c \u2066x\u2069\u200f"
TIME = "2025-03-03T09:00:00Z"
NOTE = "\x9b31mred\x1b[2J\u202egone\r\n"


def told(waybill: Command) -> None:
    waybill.ingest(
        message("account.registered", HOSTILE, TIME, {"name": HOSTILE, "segment": "b2b"}),
        message("rep.registered", HOSTILE, TIME, {"name": HOSTILE, "level": "senior"}),
        placed(HOSTILE, TIME, "2025-03-10T16:00:00Z", id=HOSTILE, account_id=HOSTILE, rep_id=HOSTILE),
        message("order.rescheduled", HOSTILE, TIME, {"promised_by": "2025-03-11T16:00:00Z", "reason": HOSTILE}),
        message("order.cancelled", f"unknown {HOSTILE}", TIME, {"reason": NOTE}),
        message("order.cancelled", f"malformed {HOSTILE}", TIME, {"reason": 7, "note": NOTE}),
    )


def shown(ran: Ran) -> str:
    text = ran.text + ran.err
    assert not FORBIDDEN.search(text), ascii(text)
    return text


def test_no_table_and_no_json_holds_what_a_terminal_obeys(waybill: Command) -> None:
    told(waybill)
    letter = waybill.ask("dead-letters")[0]["letter_id"]
    for command in (
        ("order", HOSTILE),
        *((view.command,) for view in VIEWS),
        ("held",),
        ("dead-letters",),
        ("dead-letters", "show", letter),
        ("events",),
        ("events", "--follow", "--after", "0", "--limit", "4"),
        ("message", SOURCE, HOSTILE),
        ("status",),
        ("verify",),
    ):
        for form in ("table", "json"):
            shown(waybill(*command, "--format", form).done())
    assert "\\u202eevil" in shown(waybill("overdue").done())


def test_errors_hold_nothing_that_a_terminal_obeys(waybill: Command) -> None:
    told(waybill)
    hostile = "\u202eevil\u009b31m"
    for command in (
        ("order", hostile),
        ("dead-letters", "show", hostile),
        ("void", hostile, hostile, "--reason", hostile),
        ("ingest", hostile),
        ("events", "--type", hostile),
        ("export", hostile, "--to", f"{hostile}.csv"),
        ("overdue", "--as-of", hostile),
        (hostile,),
    ):
        ran = waybill(*command)
        assert ran.code in (1, 2)
        assert "evil" in shown(ran)


def test_json_gives_back_what_was_written(waybill: Command) -> None:
    told(waybill)
    (row,) = waybill.ask("overdue")
    assert row["order_id"] == row["rep_id"] == HOSTILE


def test_a_view_for_spreadsheets_holds_no_formula(waybill: Command) -> None:
    told(waybill)
    written: dict[str, list[dict[str, Any]]] = {}
    for name, options in (("usual", ()), ("disarmed", ("--for-spreadsheets",))):
        file = waybill.folder / f"{name}.csv"
        waybill("export", "overdue", "--to", file, *options).done()
        written[name] = list(csv.DictReader(file.open(encoding="utf-8", newline="")))
    (usual,), (disarmed,) = written["usual"], written["disarmed"]
    assert usual["order_id"] == HOSTILE
    assert disarmed == {name: f"'{cell}" if cell == HOSTILE else cell for name, cell in usual.items()}


def test_only_csv_is_written_for_spreadsheets(waybill: Command) -> None:
    waybill("export", "overdue", "--to", "view.jsonl", "--for-spreadsheets").exited(2, "needs a .csv file")


def test_json_lines_of_events_escape_what_a_terminal_obeys(waybill: Command) -> None:
    told(waybill)
    lines = waybill("events", "--follow", "--after", "0", "--limit", "3", "--format", "json").done().text.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["AccountRegistered", "RepRegistered", "OrderPlaced"]
