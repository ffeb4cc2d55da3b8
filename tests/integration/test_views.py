"""given a week on a small sales floor, when its views are asked for, then each answers with the columns of the design.

In every form, for every clock, by either of its names.
"""

import pytest

from tests.integration.command import Command, Nursery
from tests.integration.messages import (
    attempted,
    booked,
    confirmed,
    contacted,
    declined,
    delayed,
    dispatched,
    line,
    placed,
    registered,
    requested,
)

OPEN_ORDER = [
    "order_id",
    "rep_id",
    "account_id",
    "segment",
    "placed_at",
    "promised_by",
    "original_promised_by",
    "hours_overdue",
    "stage",
    "carrier",
    "mode",
    "estimated_delivery",
    "expedite",
    "follow_up_owed",
    "delivery_attempts",
    "open_value",
    "currency",
    "untaken_messages",
]
COLUMNS = {
    "overdue": OPEN_ORDER,
    "at-risk": [*("hours_left" if name == "hours_overdue" else name for name in OPEN_ORDER), "why"],
    "workload": [
        "rep_id",
        "name",
        "level",
        "team",
        "open_orders",
        "to_book",
        "booked",
        "in_transit",
        "partly_delivered",
        "expedites_open",
        "follow_ups_owed",
        "overdue",
        "due_in_24h",
        "at_risk",
        "open_b2b",
        "open_b2c",
        "contacts_7d",
    ],
    "late": [
        "order_id",
        "rep_id",
        "account_id",
        "promised_by",
        "original_promised_by",
        "delivered_at",
        "hours_late",
        "mode",
        "carrier",
        "last_delivered_at",
        "short",
    ],
    "follow-ups": ["order_id", "rep_id", "request_id", "about", "owed_since", "hours_owed"],
    "orders": [
        "order_id",
        "status",
        "placed_at",
        "promised_by",
        "original_promised_by",
        "completed_at",
        "last_delivered_at",
        "short",
        "on_time",
        "rep_id",
        "placed_rep_id",
        "account_id",
        "segment",
        "channel",
        "reference",
        "order_value",
        "open_value",
        "currency",
        "lines",
        "shipments",
        "cancel_reason",
    ],
    "order-lines": [
        "order_id",
        "line",
        "sku",
        "kind",
        "quantity",
        "booked",
        "delivered",
        "over_delivered",
        "returned",
        "unit_price",
        "promised_by",
        "delivered_at",
    ],
    "shipments": [
        "order_id",
        "shipment_id",
        "mode",
        "carrier",
        "service_level",
        "tracking_number",
        "booked_at",
        "dispatched_at",
        "estimated_delivery",
        "original_estimate",
        "delivered_at",
        "cancelled_at",
        "attempts",
        "parcels",
        "parcels_delivered",
        "cost",
        "currency",
        "signed_by",
    ],
    "expedites": [
        "order_id",
        "request_id",
        "rep_id",
        "account_id",
        "requested_at",
        "needed_by",
        "requested_by",
        "decision",
        "decided_at",
        "promised_by",
        "met",
        "informed_at",
        "hours_open",
    ],
    "carriers": [
        "carrier",
        "mode",
        "month",
        "currency",
        "shipments",
        "delivered",
        "on_time",
        "late",
        "mean_hours_late",
        "attempts",
        "cost",
    ],
    "accounts": [
        "account_id",
        "name",
        "segment",
        "tier",
        "rep_id",
        "currency",
        "orders",
        "open_orders",
        "overdue",
        "on_time_percent",
        "order_value",
        "value_month",
        "value_month_before",
        "growth_percent",
        "standing_orders",
        "last_order_at",
    ],
}
RELATIONS = {
    "overdue": "overdue_deliveries",
    "at-risk": "at_risk_deliveries",
    "workload": "rep_workload",
    "late": "late_deliveries",
    "follow-ups": "follow_ups",
    "orders": "orders",
    "order-lines": "order_lines",
    "shipments": "shipments",
    "expedites": "expedites",
    "carriers": "carrier_performance",
    "accounts": "account_book",
}
VIEWS = list(COLUMNS)
OF_A_REP = [view for view, columns in COLUMNS.items() if "rep_id" in columns]
NOW = "2025-03-11T16:00:18Z"
"""Eighteen seconds are half a hundredth of an hour, and that is rounded half-even."""


@pytest.fixture(scope="module")
def floor(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Command:
    """Nothing here writes to its store after this."""
    waybill = Command(nursery, tmp_path_factory.mktemp("floor"))
    counts = waybill.ingest(
        registered("rep-1", "2025-03-01T08:00:00Z", "Ann Alder", team="North"),
        registered("rep-3", "2025-03-01T08:00:00Z", "Cleo Cruz", level="entry"),
        # SO-1 is overdue: hurried in vain, then delayed, then nobody was there.
        placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", line(1, 2, "10.00"), line(2, "1.5", 3.33)),
        requested("SO-1", "2025-03-04T09:00:00Z"),
        declined("SO-1", "2025-03-04T15:30:00Z"),
        booked("SO-1", "2025-03-05T10:00:00Z", "2025-03-10T12:00:00Z"),
        dispatched("SO-1", "2025-03-06T10:00:00Z"),
        delayed("SO-1", "2025-03-09T10:00:00Z", "2025-03-12T10:00:00+02:00"),
        attempted("SO-1", "2025-03-11T15:00:00Z"),
        # SO-2 arrived late, from a rep whom nobody has registered.
        placed("SO-2", "2025-03-03T10:00:00Z", "2025-03-10T12:00:00Z", rep_id="rep-2", segment="b2c", account_id="C-7"),
        booked("SO-2", "2025-03-04T10:00:00Z", "2025-03-10T10:00:00Z", mode="in_house", carrier="Own van"),
        confirmed("SO-2", "2025-03-11T11:45:18Z"),
        # SO-3 is due tomorrow and nobody has booked it.
        placed("SO-3", "2025-03-10T10:00:00Z", "2025-03-12T16:00:18Z", currency="JPY", rep_id="rep-2"),
        contacted("ACME", "2025-03-04T16:00:18Z", "rep-3"),
        contacted("ACME", "2025-03-04T16:00:19Z", "rep-3"),
    )
    assert counts["applied"] == counts["received"] == 15
    return waybill


def test_what_is_overdue(floor: Command) -> None:
    assert floor.ask("overdue", "--as-of", NOW) == [
        {
            "order_id": "SO-1",
            "rep_id": "rep-1",
            "account_id": "ACME",
            "segment": "b2b",
            "placed_at": "2025-03-03T09:00:00Z",
            "promised_by": "2025-03-10T16:00:00Z",
            "original_promised_by": "2025-03-10T16:00:00Z",
            "hours_overdue": "24.00",
            "stage": "in_transit",
            "carrier": "Swift",
            "mode": "courier",
            "estimated_delivery": "2025-03-12T08:00:00Z",
            "expedite": "declined",
            "follow_up_owed": True,
            "delivery_attempts": 1,
            "open_value": "25.00",
            "currency": "USD",
            "untaken_messages": 0,
        }
    ]


def test_what_is_at_risk(floor: Command) -> None:
    assert floor.ask("at-risk", "--as-of", NOW) == [
        {
            "order_id": "SO-3",
            "rep_id": "rep-2",
            "account_id": "ACME",
            "segment": "b2b",
            "placed_at": "2025-03-10T10:00:00Z",
            "promised_by": "2025-03-12T16:00:18Z",
            "original_promised_by": "2025-03-12T16:00:18Z",
            "hours_left": "24.00",
            "stage": "to_book",
            "carrier": None,
            "mode": None,
            "estimated_delivery": None,
            "expedite": "none",
            "follow_up_owed": False,
            "delivery_attempts": 0,
            "open_value": "10",
            "currency": "JPY",
            "untaken_messages": 0,
            "why": "not_booked",
        }
    ]


def test_who_has_what_on_the_desk(floor: Command) -> None:
    ann = {"rep_id": "rep-1", "name": "Ann Alder", "level": "senior", "team": "North"}
    nobody = {"rep_id": "rep-2", "name": None, "level": None, "team": None}
    cleo = {"rep_id": "rep-3", "name": "Cleo Cruz", "level": "entry", "team": None}
    nothing = dict.fromkeys(COLUMNS["workload"][4:], 0)
    assert floor.ask("workload", "--as-of", NOW) == [
        ann | nothing | {"open_orders": 1, "in_transit": 1, "follow_ups_owed": 2, "overdue": 1, "open_b2b": 1},
        # Nobody told the customer of SO-2 that its promise passed.
        nobody
        | nothing
        | {"open_orders": 1, "to_book": 1, "due_in_24h": 1, "at_risk": 1, "open_b2b": 1, "follow_ups_owed": 1},
        # Of the two contacts of a week ago one is a second too old.
        cleo | nothing | {"contacts_7d": 1},
    ]


def test_what_was_late(floor: Command) -> None:
    assert floor.ask("late", "--as-of", NOW) == [
        {
            "order_id": "SO-2",
            "rep_id": "rep-2",
            "account_id": "C-7",
            "promised_by": "2025-03-10T12:00:00Z",
            "original_promised_by": "2025-03-10T12:00:00Z",
            "delivered_at": "2025-03-11T11:45:18Z",
            "hours_late": "23.76",
            "mode": "in_house",
            "carrier": "Own van",
            "last_delivered_at": "2025-03-11T11:45:18Z",
            "short": False,
        }
    ]


def test_every_order(floor: Command) -> None:
    told = {row["order_id"]: row for row in floor.ask("orders", "--as-of", NOW)}

    assert {order: (row["status"], row["on_time"]) for order, row in told.items()} == {
        "SO-1": ("open", False),
        "SO-2": ("delivered", False),
        "SO-3": ("open", None),
    }
    assert (told["SO-1"]["order_value"], told["SO-1"]["lines"], told["SO-1"]["shipments"]) == ("25.00", 2, 1)
    assert told["SO-2"]["completed_at"] == told["SO-2"]["last_delivered_at"] == "2025-03-11T11:45:18Z"


def test_the_lines_of_an_order(floor: Command) -> None:
    lines = [row for row in floor.ask("order-lines", "--as-of", NOW) if row["order_id"] == "SO-1"]

    assert [(row["line"], row["quantity"], row["booked"], row["delivered"]) for row in lines] == [
        ("1", "2", "2", "0"),
        ("2", "1.5", "1.5", "0"),
    ]
    assert {row["promised_by"] for row in lines} == {"2025-03-10T16:00:00Z"}


def test_the_shipments_of_an_order(floor: Command) -> None:
    (shipment,) = [row for row in floor.ask("shipments", "--as-of", NOW) if row["order_id"] == "SO-1"]

    assert shipment["dispatched_at"] == "2025-03-06T10:00:00Z"
    assert (shipment["original_estimate"], shipment["estimated_delivery"]) == (
        "2025-03-10T12:00:00Z",
        "2025-03-12T08:00:00Z",
    )
    assert (shipment["attempts"], shipment["delivered_at"], shipment["cancelled_at"]) == (1, None, None)


def test_a_view_whose_rows_are_of_no_rep_takes_no_rep(floor: Command) -> None:
    floor("shipments", "--rep", "rep-1").exited(2, "shipments has no rep_id column")
    assert "--rep" not in floor("shipments", "--help").done().text
    assert "--rep" in floor("overdue", "--help").done().text


def test_a_rep_who_was_never_registered_is_named_with_the_nearest(floor: Command) -> None:
    floor("overdue", "--rep", "rep-11", "--format", "json").exited(
        1, "no message speaks of rep rep-11; the nearest: rep-1 (Ann Alder)"
    )
    assert "registered" not in floor("late", "--rep", "rep-3").done().err


def test_the_most_valuable_account_of_each_currency_comes_first(floor: Command) -> None:
    rows = floor.ask("accounts", "--as-of", NOW)
    assert [(row["currency"], row["account_id"]) for row in rows] == [("JPY", "ACME"), ("USD", "ACME"), ("USD", "C-7")]


def test_what_cannot_be_chosen_is_named_with_the_choices(floor: Command) -> None:
    ran = floor("scorecard", "--by", "region").exited(2, "'region' is not one of 'team', 'mentor'")
    assert "Value error" not in ran.err


def test_follow_ups_owed_to_customers(floor: Command) -> None:
    about_expedite = {"order_id": "SO-1", "rep_id": "rep-1", "request_id": "E1", "about": "expedite"}
    about_delay = {"order_id": "SO-1", "rep_id": "rep-1", "request_id": None, "about": "delay"}
    assert floor.ask("follow-ups", "--as-of", NOW) == [
        {**about_expedite, "owed_since": "2025-03-04T15:30:00Z", "hours_owed": "168.50"},
        {**about_delay, "owed_since": "2025-03-09T10:00:00Z", "hours_owed": "54.00"},
        {
            **about_delay,
            "order_id": "SO-2",
            "rep_id": "rep-2",
            "owed_since": "2025-03-10T12:00:00Z",
            "hours_owed": "28.00",
        },
    ]


@pytest.mark.parametrize("view", VIEWS)
def test_the_columns_are_those_of_the_design_in_their_order(floor: Command, view: str) -> None:
    for row in floor.ask(view, "--as-of", NOW):
        assert list(row) == COLUMNS[view]


@pytest.mark.parametrize("view", VIEWS)
def test_csv_says_what_json_says(floor: Command, view: str) -> None:
    csv = floor(view, "--as-of", NOW, "--format", "csv").done()

    assert csv.text.splitlines()[0] == ",".join(COLUMNS[view])
    words = {None: "", True: "true", False: "false"}
    as_text = [
        {name: words[value] if isinstance(value, bool | None) else str(value) for name, value in row.items()}
        for row in floor.ask(view, "--as-of", NOW)
    ]
    assert csv.rows == as_text


@pytest.mark.parametrize("view", VIEWS)
def test_a_table_is_for_people(floor: Command, view: str) -> None:
    table = floor(view, "--as-of", NOW).done().text

    for row in floor.ask(view, "--as-of", NOW):
        assert row[COLUMNS[view][0]] in table
    assert "as of 2025-03-11 16:00:18Z" in table


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_may_be_named_by_its_relation(floor: Command, view: str) -> None:
    by_verb = floor.ask(view, "--as-of", NOW)

    assert floor.ask(RELATIONS[view], "--as-of", NOW) == by_verb
    assert floor.ask(RELATIONS[view].replace("_", "-"), "--as-of", NOW) == by_verb


@pytest.mark.parametrize("view", OF_A_REP)
def test_one_reps_rows_alone(floor: Command, view: str) -> None:
    everybody = floor.ask(view, "--as-of", NOW)

    for rep in ("rep-1", "rep-2", "rep-3"):
        expected = [row for row in everybody if row["rep_id"] == rep]
        assert floor.ask(view, "--as-of", NOW, "--rep", rep) == expected
    floor(view, "--as-of", NOW, "--rep", "nobody").exited(1, "no message speaks of rep nobody")


@pytest.mark.parametrize("view", OF_A_REP)
def test_no_reps_rows(floor: Command, view: str) -> None:
    """An option whose variable is not set asks for nobody's rows, not for everybody's, and is an error."""
    assert floor(view, "--as-of", NOW, "--rep", "").exited(1, "the id of the rep is empty").text == ""


@pytest.mark.parametrize("view", VIEWS)
def test_nothing_to_show(waybill: Command, view: str) -> None:
    waybill.ingest()
    assert waybill.ask(view) == []
    assert waybill(view, "--format", "csv").done().text == ",".join(COLUMNS[view]) + "\n"
    assert "the store waybill.db is empty: no message was ever received" in waybill(view).done().text


def test_dead_letters_and_timelines_may_be_named_by_their_relations_too(floor: Command) -> None:
    assert floor.ask("dead_letters") == floor.ask("dead-letters", "list")
    assert floor.ask("order_timeline", "SO-1") == floor.ask("order", "SO-1")


def test_at_most_so_many_rows(floor: Command) -> None:
    assert len(floor.ask("workload", "--as-of", NOW, "--limit", "2")) == 2
    assert "2 of 3 rows" in floor("workload", "--as-of", NOW, "--limit", "2").done().text
    floor("workload", "--limit", "0").exited(2)


def test_before_anything_happened_there_is_nothing(floor: Command) -> None:
    assert floor.ask("workload", "--as-of", "2025-03-01T07:59:59.999999Z") == []
    assert len(floor.ask("workload", "--as-of", "2025-03-01T08:00:00Z")) == 2


def test_an_instant_may_have_any_offset(floor: Command) -> None:
    expected = floor.ask("overdue", "--as-of", NOW)
    assert expected
    for same in ("2025-03-11T17:00:18+01:00", "2025-03-11T05:30:18-10:30", "2025-03-11T16:00:18.000000Z"):
        assert floor.ask("overdue", "--as-of", same) == expected


def test_a_date_is_its_beginning_in_the_business_zone(floor: Command) -> None:
    in_berlin = floor.with_(WAYBILL_TIME_ZONE="Europe/Berlin")

    overdue = ("overdue", "--as-of", "2025-03-11", "--rep", "rep-1")
    assert floor.ask(*overdue)[0]["hours_overdue"] == "8.00"
    assert in_berlin.ask(*overdue)[0]["hours_overdue"] == "7.00"


def test_nothing_was_known_before_it_was_recorded(floor: Command) -> None:
    """These messages came in just now, without --history, so nobody knew of any order on the day itself."""
    assert floor.ask("overdue", "--as-of", NOW, "--known-at", NOW) == []
    assert floor.ask("overdue", "--as-of", NOW, "--known-at", "2999-01-01") == floor.ask("overdue", "--as-of", NOW)


@pytest.mark.parametrize("clock", ["--as-of", "--known-at"])
@pytest.mark.parametrize("bad", ["", "yesterday", "2025-02-30", "2025-03-11T16:00:00", "16:00Z", "1741708818"])
def test_what_is_no_instant_is_wrong_usage(floor: Command, clock: str, bad: str) -> None:
    floor("overdue", clock, bad).exited(2, f"Invalid value for '{clock}'" if bad == "" else bad)


@pytest.mark.parametrize("clock", ["--as-of", "--known-at"])
@pytest.mark.parametrize(
    "far", ["0001-01-01", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00"]
)
def test_an_instant_at_the_edge_of_time_is_answered_or_turned_down(floor: Command, clock: str, far: str) -> None:
    for view in ("overdue", "workload", "at-risk"):
        ran = floor(view, clock, far)
        ran.exited(0 if ran.code == 0 else 2)


@pytest.mark.parametrize(
    "wrong", [("--format", "xml"), ("--since", "2025-03-11"), ("extra",), ("--rep",), ("--wait", "inf")]
)
def test_wrong_usage_of_a_view(floor: Command, wrong: tuple[str, ...]) -> None:
    floor("overdue", *wrong).exited(2)


@pytest.mark.parametrize("form", ["table", "json", "csv"])
def test_every_answer_says_which_position_it_reflects(floor: Command, form: str) -> None:
    head = floor.ask("status")["head"]
    for question in (("overdue",), ("workload", "--as-of", NOW), ("follow-ups", "--known-at", NOW), ("order", "SO-1")):
        ran = floor(*question, "--format", form).done()
        assert f"reflects position {head}" in (ran.text if form == "table" else ran.err)


def test_an_answer_waits_for_a_position_and_says_when_it_is_not_reached(floor: Command) -> None:
    head = floor.ask("status")["head"]
    floor("overdue", "--min-position", str(head)).done()
    floor("overdue", "--min-position", str(head + 1), "--wait", "0.1").exited(
        1, f"reflects position {head}", "See also --wait"
    )
