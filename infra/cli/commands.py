"""Every command with its line of the help, and the module of infra.cli that defines it.

The names and lines are repeated here so that `waybill --help` and the shell's completion import no command;
tests/unit/test_start_up.py holds them to what the modules define. See docs/decisions/032-start-up.md.
"""

from collections.abc import Mapping
from typing import NamedTuple

COMMANDS: Mapping[str, Mapping[str, Mapping[str, str]]] = {
    "Start": {
        "demo": {"demo": "Simulate a sales team, ingest its messages, show the views, and serve the pages."},
        "example": {
            "example": "Print example messages as JSON Lines, to try ingest, check or publish with; docs/tour.md explains them."
        },
        "files": {
            "ingest": "Ingest messages and update the views. After a crash, run it again to continue where it stopped.",
            "publish": "Publish messages to Kafka and report which were acknowledged. Exits with 1 if any line was not.",
            "simulate": "Write the messages of a simulated sales team as JSON Lines, in the order of arrival.",
        },
        "check": {
            "check": "Validate messages offline, as ingest would read them. Exits with 1 if any message does not fit the contract."
        },
    },
    "Running parts": {
        "processes": {
            "consume": "Read Kafka into the store until stopped (SIGTERM or Ctrl-C; the current batch is stored first).",
            "project": "Keep the views up to date until stopped (SIGTERM or Ctrl-C; the current batch is finished first).",
            "react": "State what follows from the stored messages, until stopped (the current batch is stored first).",
            "relay": "Publish to Kafka what took effect and the verdicts, until stopped (the current batch is finished first).",
            "up": "Consume, project, react, relay and serve in one process until stopped (SIGTERM or Ctrl-C; batches are finished).",
        },
        "serve": {
            "serve": "Serve the HTTP API and the pages until stopped (SIGTERM or Ctrl-C; requests are finished first)."
        },
    },
    "Views": {
        "views": {
            "overdue": "Open orders past their promise.",
            "at-risk": "Open orders that are on time now and may become late.",
            "workload": "The open work of each rep.",
            "scorecard": "What each rep placed, delivered, expedited and earned, by month and currency.",
            "late": "Orders completed after their promise.",
            "follow-ups": "Follow-ups owed to customers.",
            "orders": "Every order: its status, its value, whether it was on time.",
            "order-lines": "The lines of each order, with delivered quantities.",
            "shipments": "The shipments of each order, with their progress.",
            "expedites": "Requests to deliver sooner: undecided ones first, and whether granted promises were met.",
            "unmatched-parcels": "Tracking numbers with carriers' messages that belong to no shipment.",
            "carriers": "How each carrier delivered what was booked in each month, and what it cost.",
            "accounts": "What each account orders, whether it is served on time, and how it grows.",
            "standing-orders": "Standing orders: the next due date, and what was placed for each.",
        },
        "restated": {
            "restated": "Which rows of a view read differently now than was known at A, column by column, and since which messages."
        },
        "trend": {
            "trend": "Is it getting worse? How many orders were overdue, at risk, late or open at each of many instants."
        },
        "quote": {
            "quote": "Show how late each carrier has been and what it has cost, from the shipments of this store."
        },
    },
    "One order, one message": {
        "orders": {
            "order": "Show one order: its state, lines, shipments, what the customer was told, what was not taken, and its timeline."
        },
        "messages": {"message": "Show a message's verdict and reason, when it took effect, and what it changed."},
        "traces": {
            "trace": "Follow a message: the bytes that came in, its events and verdicts, what followed from it, the rows that differ because of it, and the records for other systems."
        },
        "events": {"events": "List stored events in the order of the store."},
    },
    "The desk acts": {
        "desk": {
            "hand-over": "Give an account, or all that a rep holds, to another rep: in one act, all of it or nothing.",
            "balance": "Propose reassignments of open orders that make the reps' work more even, each with its reason.",
        },
    },
    "On call: the store": {
        "store": {
            "status": "Show the books, and the position and lag of each projection, reactor and partition.",
            "verify": "Derive verdicts, rows, totals and books again and compare them with the store. Exits with 1 if any differs.",
            "migrate": "Bring the store up to the version of this waybill: schema, verdicts and views.",
            "backup": "Copy an SQLite store while it runs, and check the copy. PostgreSQL has its own tools (docs/backup.md).",
        },
        "doctor": {"doctor": "Look at everything, and say what is wrong, since when, and what to type."},
        "diffs": {
            "diff": "Show which rows a rebuild of a view would change, before it does. Exits with 1 if any row differs."
        },
        "held": {"held": "Messages that wait for something they name."},
    },
    "On call: act": {
        "dead_letters_acts": {"dead-letters": "Messages that were not taken, kept whole."},
        "corrections": {
            "void": "Void messages that were wrong: they count as never sent. Publish the right ones afterwards, or see `correct`.",
            "correct": "Correct messages that were wrong: void each one and publish the right one, together.",
        },
        "steering": {
            "pause": "Pause a projection, the consumer, the reactors or the relay, in all processes and after restarts.",
            "resume": "Resume a paused part where it stopped.",
            "reset": "Set the position of an outbox or a reactor. Without --expect it only shows what would happen.",
            "parked": "Subjects that projections and reactors failed on, and went on without.",
        },
        "rebuild": {
            "rebuild": "Rebuild the rows of a view from the events, beside those in use, and take them into use when they are whole."
        },
    },
    "Around the store": {
        "pruning": {
            "prune": "Take the events of closed orders out of the store, where an archive has them and Spark has made their rows."
        },
        "keys": {"keys": "Keys for the HTTP API and its pages."},
        "topics": {
            "reingest": "Read a topic's past again. Live consumers are not disturbed; what was taken before is a duplicate.",
            "topics": "The Kafka topics that Waybill reads and writes.",
        },
        "archive": {
            "archive": "Write what is new in the store to an archive of Parquet files, in a folder or an object store."
        },
        "restore": {
            "restore": "Restore an archive into an empty store, of either kind; afterwards, the service goes on from the topics."
        },
        "exports": {
            "export": "Write a relation of any size to a file, or all of them to a folder. An existing one is replaced as a whole."
        },
        "spark": {"spark": "An archive on Apache Spark: the rows of all views, and answers over all history."},
        "analysts": {"analysts": "Who may query the relations in PostgreSQL with SQL."},
        "contract": {
            "schema": "Print the AsyncAPI 3 document of all messages that Waybill reads and publishes, or one message's JSON Schema."
        },
        "settings": {"settings": "Show every setting, its value and its meaning; secrets are masked."},
        "help": {
            "help": "Explain a topic: verdicts, clocks, settings, stores, exit-codes or formats. Or show the help of a command."
        },
    },
}
"""Headings of the help, to modules of infra.cli, to their commands in the order of the help, each with its line."""

ALIASES: Mapping[str, tuple[str, ...]] = {
    "overdue": ("overdue-deliveries", "overdue_deliveries"),
    "at-risk": ("at-risk-deliveries", "at_risk_deliveries"),
    "workload": ("rep-workload", "rep_workload"),
    "scorecard": ("rep-scorecard", "rep_scorecard"),
    "late": ("late-deliveries", "late_deliveries"),
    "follow-ups": ("follow_ups",),
    "order-lines": ("order_lines",),
    "unmatched-parcels": ("unmatched_parcels",),
    "carriers": ("carrier-performance", "carrier_performance"),
    "accounts": ("account-book", "account_book"),
    "standing-orders": ("standing_orders",),
    "order": ("order-timeline", "order_timeline"),
    "dead-letters": ("dead_letters",),
}
"""Other names of commands, which the help leaves out."""


class Place(NamedTuple):
    """Where a command stands: its heading of the help, its module of infra.cli, and its line of the help."""

    heading: str
    module: str
    line: str
    hidden: bool


PLACES: Mapping[str, Place] = {
    called: Place(heading, module, line, hidden=called != name)
    for heading, modules in COMMANDS.items()
    for module, commands in modules.items()
    for name, line in commands.items()
    for called in (name, *ALIASES.get(name, ()))
}
"""The place of each command, by each of its names."""
