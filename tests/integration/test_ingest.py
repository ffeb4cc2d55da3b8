"""given a file of messages, when `waybill ingest` takes it in, then it says what became of them and shows it."""

import gzip
from datetime import UTC, datetime, timedelta

import pytest

from consumers.sources.json_lines import JsonLines
from infra.app.container import Waybill
from infra.settings import Settings
from tests.integration.command import Command, encoded
from tests.integration.messages import booked, cancelled, confirmed, dispatched, placed

ORDER = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z")
BOOKING = booked("SO-1", "2025-03-04T09:00:00Z", "2025-03-09T16:00:00Z")
ARRIVAL = confirmed("SO-1", "2025-03-11T16:00:00Z")
WAITING = dispatched("SO-9", "2025-03-04T09:00:00Z")
FORBIDDEN = cancelled("SO-1", "2025-03-12T09:00:00Z")
BROKEN = b'{"specversion": "1.0", "id": 7}'

NOTHING = {"received": 0, "applied": 0, "duplicate": 0, "held": 0, "refused": 0, "malformed": 0}


def counts(**changed: int) -> dict[str, int]:
    return {**NOTHING, "received": sum(changed.values()), **changed}


# -- what it says -------------------------------------------------------------------------------------------------


def test_the_five_verdicts_are_counted(waybill: Command) -> None:
    found = waybill.ingest(ORDER, BOOKING, ARRIVAL, ARRIVAL, WAITING, FORBIDDEN, BROKEN)

    assert found == counts(applied=3, duplicate=1, held=1, refused=1, malformed=1)
    assert list(found) == list(NOTHING)


def test_a_message_counts_by_the_verdict_that_it_has_when_the_run_ends(waybill: Command) -> None:
    """Each batch is one message here: the arrival is held at first, and taken when the booking comes."""
    one_by_one = waybill.with_(WAYBILL_BATCH_MESSAGES="1")

    assert one_by_one.ingest(ARRIVAL, BOOKING, ORDER) == counts(applied=3)


def test_the_counts_for_people_and_for_programs(waybill: Command) -> None:
    file = waybill.file("messages.jsonl", ORDER, FORBIDDEN, BROKEN)

    table = waybill("ingest", file).done().text
    assert [line.split() for line in table.splitlines()[:7]] == [
        ["verdict", "messages"],
        ["received", "3"],
        ["applied", "2"],
        ["duplicate", "0"],
        ["held", "0"],
        ["refused", "0"],
        ["malformed", "1"],
    ]
    csv = waybill("ingest", file, "--format", "csv").done()
    assert csv.text == "received,applied,duplicate,held,refused,malformed\n3,0,3,0,0,0\n"


def test_a_file_taken_in_twice_is_all_duplicates(waybill: Command) -> None:
    messages = (ORDER, BOOKING, ARRIVAL, WAITING, FORBIDDEN, BROKEN)
    waybill.ingest(*messages)
    before = {view: waybill.ask(view, "--as-of", "2025-03-12") for view in ("overdue", "late", "workload")}

    assert waybill.ingest(*messages) == counts(duplicate=6)

    assert {view: waybill.ask(view, "--as-of", "2025-03-12") for view in before} == before
    books = waybill.ask("status")["books"]
    assert books == {"received": 12, "applied": 3, "duplicate": 6, "held": 1, "dead": 2}


def test_the_same_message_from_another_file_is_a_duplicate(waybill: Command) -> None:
    waybill.ingest(ORDER, name="monday.jsonl")
    assert waybill.ingest(ORDER, BOOKING, name="tuesday.jsonl") == counts(applied=1, duplicate=1)


# -- where it reads from ------------------------------------------------------------------------------------------


def test_standard_input(waybill: Command) -> None:
    lines = b"\n".join(encoded(message) for message in (ORDER, BOOKING))

    assert waybill("ingest", "-", "--format", "json", stdin=lines).done().json == counts(applied=2)
    assert waybill("ingest", "-", "--format", "json", stdin=b"").done().json == counts()


@pytest.mark.parametrize("name", ["messages.jsonl.gz", "messages.jsonl"])
def test_a_compressed_file_whatever_its_name(waybill: Command, name: str) -> None:
    file = waybill.folder / name
    file.write_bytes(gzip.compress(encoded(ORDER) + b"\n") + gzip.compress(encoded(BOOKING) + b"\n"))

    assert waybill.ask("ingest", file) == counts(applied=2)


def test_compressed_standard_input(waybill: Command) -> None:
    compressed = gzip.compress(encoded(ORDER) + b"\n" + encoded(BOOKING))
    assert waybill("ingest", "-", "--format", "json", stdin=compressed).done().json == counts(applied=2)


def test_a_plain_file_that_is_called_compressed(waybill: Command) -> None:
    file = waybill.file("messages.jsonl.gz", ORDER)
    assert waybill.ask("ingest", file) == counts(applied=1)


def test_files_as_windows_writes_them(waybill: Command) -> None:
    """A byte order mark, CRLF, blank lines that are no messages, and no newline at the end."""
    file = waybill.folder / "messages.jsonl"
    file.write_bytes(
        b"\xef\xbb\xbf"
        + encoded(ORDER)
        + b"\r\n\r\n  \t\r\n"
        + b"\xef\xbb\xbf"
        + encoded(BOOKING)
        + b"\r\n"
        + encoded(ARRIVAL)
    )

    assert waybill.ask("ingest", file) == counts(applied=3)


@pytest.mark.parametrize("content", [b"", b"\n", b"\n \r\n\t\n", b"\xef\xbb\xbf", b"\xef\xbb\xbf\n"])
def test_a_file_without_messages(waybill: Command, content: bytes) -> None:
    file = waybill.folder / "empty.jsonl"
    file.write_bytes(content)

    assert waybill.ask("ingest", file) == NOTHING
    assert waybill.ask("status")["books"]["received"] == 0
    assert waybill("ingest", file, "--strict").done()


def test_an_empty_compressed_file(waybill: Command) -> None:
    file = waybill.folder / "empty.gz"
    file.write_bytes(gzip.compress(b""))
    assert waybill.ask("ingest", file) == NOTHING


def test_a_file_that_is_not_there(waybill: Command) -> None:
    waybill("ingest", "nowhere.jsonl").exited(2, "nowhere.jsonl")
    assert not waybill.store.exists()


def test_a_file_of_something_else_is_taken_and_asked_about(waybill: Command) -> None:
    file = waybill.file("letter.txt", b"Dear sales team,", b"all the best,")
    ran = waybill("ingest", file, "--format", "json").exited(0, "no line is a valid message")
    assert ran.json["malformed"] == 2
    both = waybill("ingest", waybill.file("both", ORDER, b"Dear sales team,")).done()
    assert "no line is a valid message" not in both.err


def test_a_folder_is_no_file(waybill: Command) -> None:
    waybill("ingest", waybill.folder).exited(2, str(waybill.folder))


def test_a_file_that_may_not_be_read(waybill: Command) -> None:
    # The owner of nothing but this folder; root may read everything.
    file = waybill.file("secret.jsonl", ORDER)
    for folder in [waybill.folder, *waybill.folder.parents][:4]:
        folder.chmod(0o755)
    waybill.folder.chmod(0o777)
    file.chmod(0)

    waybill("ingest", file, nobody=True).exited(1, "Permission denied", "secret.jsonl")


def test_no_file_at_all(waybill: Command) -> None:
    waybill("ingest").exited(2, "FILE")


@pytest.mark.parametrize("left", [0.2, 0.5, 0.999])
def test_a_compressed_file_that_was_cut_short(waybill: Command, left: float) -> None:
    orders = [placed(f"SO-{n}", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z") for n in range(300)]
    whole = gzip.compress(b"\n".join(encoded(order) for order in orders))
    file = waybill.folder / "messages.jsonl.gz"
    file.write_bytes(whole[: int(len(whole) * left)])
    in_small_batches = waybill.with_(WAYBILL_BATCH_MESSAGES="10")

    # when it is taken in, then the command fails, says why, and its books balance
    in_small_batches("ingest", file).exited(1, "messages.jsonl.gz", "cut short")
    books = waybill.ask("status")["books"]
    assert books["received"] == books["applied"] + books["duplicate"] + books["held"] + books["dead"]

    # when the whole file is there, then the same command takes all of it once
    file.write_bytes(whole)
    assert in_small_batches.ask("ingest", file) == counts(applied=300)
    assert waybill.ask("status")["books"]["received"] == 300


def test_a_compressed_file_that_is_damaged(waybill: Command) -> None:
    content = bytearray(gzip.compress(b"\n".join(encoded(ORDER) for _ in range(50))))
    content[-6] ^= 0xFF
    file = waybill.folder / "messages.jsonl.gz"
    file.write_bytes(content)

    waybill("ingest", file).exited(1, "messages.jsonl.gz", "damaged")


# -- options ------------------------------------------------------------------------------------------------------


def test_strict_passes_what_is_taken_or_waits(waybill: Command) -> None:
    file = waybill.file("messages.jsonl", ORDER, BOOKING, ORDER, WAITING)
    waybill("ingest", file, "--strict").exited(0)


@pytest.mark.parametrize("dead", [FORBIDDEN, BROKEN])
def test_strict_fails_when_a_message_is_dead(waybill: Command, dead: bytes) -> None:
    file = waybill.file("messages.jsonl", ORDER, BOOKING, ARRIVAL, dead)

    ran = waybill("ingest", file, "--strict", "--format", "json").exited(1, "1 message of this file is dead")

    assert ran.json["received"] == 4, "the counts are told all the same"
    waybill("ingest", file).exited(0)


@pytest.mark.parametrize("dead", [FORBIDDEN, BROKEN])
def test_strict_fails_for_what_was_dead_before(waybill: Command, dead: bytes) -> None:
    file = waybill.file("messages.jsonl", ORDER, BOOKING, ARRIVAL, dead)
    waybill("ingest", file).done()

    ran = waybill("ingest", file, "--strict", "--format", "json").exited(1, "dead")

    assert ran.json == counts(duplicate=4)


def test_strict_fails_for_what_another_file_brought_again(waybill: Command) -> None:
    """A reading that was broken off at its end; meanwhile somebody took the same messages in from a copy."""
    file = waybill.file("messages.jsonl", ORDER, BOOKING, ARRIVAL, FORBIDDEN, BROKEN)
    with Waybill(Settings(store=f"sqlite:///{waybill.store}", log_level="error")) as broken_off:
        broken_off.ingest().read(JsonLines.of_file(file, batch_lines=2))
    waybill("ingest", waybill.file("copy.jsonl", ORDER, BOOKING, ARRIVAL, FORBIDDEN, BROKEN)).done()

    waybill("ingest", file, "--strict").exited(1, "dead")


def test_strict_minds_this_file_alone(waybill: Command) -> None:
    waybill.ingest(ORDER, BROKEN, name="other.jsonl")
    file = waybill.file("messages.jsonl", BOOKING)
    waybill("ingest", file, "--strict").exited(0)


def test_strict_counts_what_was_held_for_too_long(waybill: Command) -> None:
    file = waybill.file("messages.jsonl", WAITING)
    waybill.with_(WAYBILL_HOLD_HOURS="0")("ingest", file, "--strict").exited(1, "dead")


def test_storing_alone_leaves_the_views_behind_until_somebody_projects(waybill: Command) -> None:
    first = waybill.file("first.jsonl", ORDER)
    second = waybill.file("second.jsonl", BOOKING)

    # when only stored, then the views lag and do not show it
    assert waybill.ask("ingest", first, "--no-project") == counts(applied=1)
    assert waybill.ask("overdue", "--as-of", "2025-03-11") == []
    projections = waybill.ask("status")["projections"]
    assert projections and all(p["lag"] == 1 and p["position"] == 0 for p in projections)
    assert {p["state"] for p in projections} == {"behind"}
    waybill("verify").exited(0, "1 event behind")

    # when the next file is taken in, then the views have both
    waybill.ask("ingest", second)
    assert [row["stage"] for row in waybill.ask("overdue", "--as-of", "2025-03-11")] == ["booked"]
    told = waybill.ask("status")
    assert all(p["lag"] == 0 and p["position"] == told["head"] for p in told["projections"])
    assert {p["state"] for p in told["projections"]} == {"live"}


def test_projecting_what_was_only_stored(waybill: Command) -> None:
    waybill("ingest", waybill.file("first.jsonl", ORDER), "--no-project").done()

    waybill("project", "--once").done()

    assert len(waybill.ask("overdue", "--as-of", "2025-03-11")) == 1


def test_the_recorded_time_counts_in_imported_history_alone(waybill: Command) -> None:
    heard = {"recordedtime": "2025-03-05T12:00:00+01:00"}
    live = placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", **heard)
    imported = placed("SO-2", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", **heard)
    waybill.ask("ingest", waybill.file("live.jsonl", live))
    waybill.ask("ingest", waybill.file("history.jsonl", imported), "--history")

    def recorded_at(order: str) -> str:
        return str(waybill.ask("order", order)["timeline"][0]["recorded_at"])

    assert recorded_at("SO-2") == "2025-03-05T11:00:00Z"
    assert recorded_at("SO-1") > "2025-03-05T12"
    known = waybill.ask("overdue", "--as-of", "2025-03-11", "--known-at", "2025-03-06")
    assert [row["order_id"] for row in known] == ["SO-2"]


def test_a_time_ahead_of_the_clock_is_held_beyond_the_skew(waybill: Command) -> None:
    def ahead(order: str, by: timedelta) -> dict[str, object]:
        return placed(order, (datetime.now(UTC) + by).isoformat(), "2999-03-10T16:00:00Z")

    # an hour, unless the settings say otherwise; a minute either way is for slow machines
    soon, later = ahead("SO-1", timedelta(minutes=59)), ahead("SO-2", timedelta(minutes=62))
    as_late = ahead("SO-3", timedelta(minutes=62))
    assert waybill.ingest(soon, later) == counts(applied=1, held=1)
    assert "time" in waybill.ask("held", "list")[0]["reason"]
    assert waybill.with_(WAYBILL_CLOCK_SKEW="PT2H").ingest(as_late, name="more.jsonl") == counts(applied=1)


def test_a_message_above_the_greatest_size_is_malformed(waybill: Command) -> None:
    small = waybill.with_(WAYBILL_MAX_MESSAGE_BYTES="1024")
    fits, does_not = (placed("SO-1", "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z", reference="x") for _ in range(2))
    fits["data"]["reference"] = "x" * (1024 - len(encoded(fits)) + 1)
    does_not["data"]["reference"] = fits["data"]["reference"] + "x"

    assert len(encoded(fits)) == 1024
    assert small.ingest(fits, does_not) == counts(applied=1, malformed=1)


# -- several at a time --------------------------------------------------------------------------------------------

EVERYTHING = ("overdue", "at-risk", "workload", "late", "follow-ups")
INSTANTS = ("2025-05-20T12:00:00Z", "2025-06-28T00:00:00Z")


def answers(waybill: Command) -> dict[str, object]:
    return {
        "books": {name: count for name, count in waybill.ask("status")["books"].items() if name not in COUNTED_TWICE},
        **{f"{view} {at}": waybill.ask(view, "--as-of", at) for view in EVERYTHING for at in INSTANTS},
    }


COUNTED_TWICE = ("received", "duplicate")
"""A file read by two counts twice in these."""


def simulated(waybill: Command) -> list[bytes]:
    arguments = ("--orders", "60", "--seed", "5", "--wrong", "0.1", "--until", "2025-06-30T16:00:00Z")
    return waybill("simulate", *arguments).done().out.splitlines()


def test_two_processes_that_take_in_a_half_each_end_as_one_does(waybill: Command, other: Command) -> None:
    lines = simulated(waybill)
    other.ingest(*lines)
    halves = [waybill.file("one.jsonl", *lines[::2]), waybill.file("two.jsonl", *lines[1::2])]

    # Into a store that neither of them has seen before.
    in_small_batches = waybill.with_(WAYBILL_BATCH_MESSAGES="25", WAYBILL_BATCH_EVENTS="60")
    running = [in_small_batches.start("ingest", half) for half in halves]
    for each in running:
        each.wait().done()

    assert answers(waybill) == answers(other)
    assert waybill.ask("status")["books"]["received"] == len(lines)
    assert waybill.ask("status")["partitions"] == [], "both readings are finished"
    waybill("verify").done()


def test_two_processes_that_take_in_the_same_file_end_as_one_does(waybill: Command, other: Command) -> None:
    lines = simulated(waybill)
    alone = other.ingest(*lines)
    file = waybill.file("messages.jsonl", *lines)

    in_small_batches = waybill.with_(WAYBILL_BATCH_MESSAGES="25", WAYBILL_BATCH_EVENTS="60")
    running = [in_small_batches.start("ingest", file, "--format", "json") for _ in range(2)]
    found = [each.wait().done().json for each in running]

    assert answers(waybill) == answers(other)
    assert [each["received"] for each in found] == [len(lines)] * 2
    for verdict in ("applied", "held", "refused", "malformed"):
        assert sum(each[verdict] for each in found) == alone[verdict]
    books = waybill.ask("status")["books"]
    assert books["received"] == 2 * len(lines)
    assert books["received"] == books["applied"] + books["duplicate"] + books["held"] + books["dead"]
    waybill("verify").done()
