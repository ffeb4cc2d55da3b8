"""given a file in which good messages stand among all that can be wrong with a line, when it is taken in.

Then every line has its verdict with a reason that names the field, the good ones are applied, and nothing breaks.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from tests.integration.command import Command, Nursery, Ran, encoded
from tests.integration.messages import booked, cancelled, confirmed, line, message, placed

PLACED, PROMISE = "2025-03-03T09:00:00Z", "2025-03-10T16:00:00Z"


@dataclass(frozen=True)
class Case:
    """A line, the verdict that it has to get, and words that its reason has to say."""

    name: str
    line: bytes
    verdict: str
    words: tuple[str, ...] = ()


class Number:
    """A number as it is to stand in the line, however few decoders would read it."""

    def __init__(self, token: str):
        self.token = token


def order(name: str, **data: Any) -> dict[str, Any]:
    """An order of its own for each case, with something changed in its data."""
    whole = placed(f"H-{name}", PLACED, PROMISE)
    return {**whole, "data": {**whole["data"], **data}}


def written(document: dict[str, Any]) -> bytes:
    """JSON, with every Number as its token."""
    tokens: list[str] = []

    def stand_in(value: Any) -> str:
        tokens.append(value.token)
        return f"@{len(tokens) - 1}@"

    text = json.dumps(document, default=stand_in)
    for number, token in enumerate(tokens):
        text = text.replace(f'"@{number}@"', token)
    return text.encode()


def malformed_bytes() -> Iterator[Case]:
    whole = encoded(order("bytes"))
    told = {
        "cut short": (whole[: len(whole) // 2], "JSON"),
        "no JSON at all": (b"Dear sales team, the order is on its way.", "JSON"),
        "a comma too many": (whole[:-1] + b",}", "JSON"),
        "two objects on a line": (whole + b" " + whole, "JSON"),
        "a list": (b"[" + whole + b"]", "object"),
        "a string": (b'"order.placed.v1"', "object"),
        "a number": (b"7", "object"),
        "a huge number": (b"9" * 6_000, ""),
        "null": (b"null", "object"),
        "true": (b"true", "object"),
        "NaN": (b"NaN", "JSON"),
        "an empty object": (b"{}", "id: must be given"),
        "single quotes": (whole.replace(b'"', b"'"), "JSON"),
        "no UTF-8": (whole.replace(b"ACME", b"AC\xc3\x28ME"), "UTF-8"),
        "an overlong NUL": (whole.replace(b"ACME", b"AC\xc0\x80ME"), "UTF-8"),
        "UTF-16": (whole.decode().encode("utf-16-le").replace(b"\n", b""), ""),
        "a NUL in the line": (whole.replace(b"ACME", b"AC\0ME"), "JSON"),
        "two byte order marks before a line": (b"\xef\xbb\xbf" * 2 + whole, "JSON"),
        "compressed": (b"\x1f\x8b\x08\x00\x01\x02\x03", ""),
        "a raw control character": (whole.replace(b"ACME", b"AC\x01ME"), "JSON"),
        "nested without end": (b"[" * 100_000, ""),
        "objects nested without end": (b'{"a":' * 100_000, ""),
        "deep below data": (whole[:-2] + b', "x": ' + b"[" * 50_000 + b"]" * 50_000 + b"}}", ""),
        "ten megabytes": (encoded(order("bytes", reference="x" * 10_000_000)), "1048576"),
        "ten megabytes of nothing": (b"{" + b" " * 10_000_000 + b"}", "1048576"),
        "a byte too many": (_of_size(1_048_577), "1048576"),
    }
    for name, (content, word) in told.items():
        yield Case(name, content, "malformed", (word,))


def _of_size(size: int) -> bytes:
    whole = encoded(order("size"))
    return whole[:-1] + b" " * (size - len(whole)) + b"}"


def malformed_envelopes() -> Iterator[Case]:
    for name in ("specversion", "id", "source", "type", "time", "subject", "data"):
        whole = order(f"no {name}")
        yield Case(f"no {name}", encoded({k: v for k, v in whole.items() if k != name}), "malformed", (name,))
        yield Case(f"{name} null", encoded({**whole, name: None}), "malformed", (name,))
        yield Case(f"{name} a list", encoded({**whole, name: [whole[name]]}), "malformed", (name,))
        yield Case(f"{name} a number", encoded({**whole, name: 7}), "malformed", (name,))
        yield Case(f"{name} empty", encoded({**whole, name: ""}), "malformed", (name,))
    for name in ("id", "source", "subject"):
        for what, bad in {
            "endless": "x" * 201,
            "with NUL": "a\0b",
            "with a newline": "a\nb",
            "with a bell": "a\x07",
            "half a surrogate": "a\ud800",
        }.items():
            # Half a surrogate can stand in JSON as an escape alone.
            escaped = json.dumps({**order(f"{name} {what}"), name: bad}).encode()
            yield Case(f"{name} {what}", escaped, "malformed", (name,) if what != "half a surrogate" else ())
    for what, bad in {
        "naive": "2025-03-03T09:00:00",
        "a date": "2025-03-03",
        "no such day": "2025-02-30T09:00:00Z",
        "no such hour": "2025-03-03T25:00:00Z",
        "words": "yesterday",
        "an offset beyond the day": "2025-03-03T09:00:00+25:00",
        "before the calendar": "0000-01-01T00:00:00Z",
        "at the edge of it": "0001-01-01T00:00:00+14:00",
        "in the year 9999": "9999-12-31T23:59:59-14:00",
    }.items():
        yield Case(f"time {what}", encoded({**order(f"time {what}"), "time": bad}), "malformed", ("time",))
    ahead = {**order("time ahead of the clock"), "time": "2999-01-01T00:00:00Z"}
    yield Case("time ahead of the clock", encoded(ahead), "held", ("ahead of the clock", "2998-12-31T23:00:00Z"))
    for bad in ("order.misplaced.v1", "order.placed", "ORDER.PLACED.V1", "order.placed.v2", " order.placed.v1"):
        yield Case(f"type {bad}", encoded({**order(f"type {bad}"), "type": bad}), "malformed", ("type",))
    yield Case(
        "specversion 0.3", encoded({**order("specversion"), "specversion": "0.3"}), "malformed", ("specversion",)
    )


def malformed_data() -> Iterator[Case]:
    for name in ("segment", "channel", "currency", "lines", "promised_by"):
        whole = order(f"data without {name}")
        without = {k: v for k, v in whole["data"].items() if k != name}
        yield Case(f"data without {name}", encoded({**whole, "data": without}), "malformed", (f"data.{name}",))
    for name in ("account_id", "rep_id", "segment", "channel", "currency", "lines", "promised_by"):
        wrong = order(f"data.{name} an object", **{name: {}})
        yield Case(f"data.{name} an object", encoded(wrong), "malformed", (f"data.{name}",))
    fields: dict[str, tuple[Any, ...]] = {
        "segment": ("b2d", "B2B", 1),
        "channel": ("pigeon", True),
        "currency": ("dollars", "usd", "US", "U$D"),
        "promised_by": ("2025-03-10T16:00:00", "soon", 1741622400, "0001-01-01T00:00:00+14:00"),
        "account_id": ("", "x" * 201, 7, "a\0b"),
        "rep_id": ("", "x" * 5_000, "\u200b\n"),
        "reference": ("with\0NUL", 7),
        "lines": ([], "all", {"line": 1}, [None], [[]]),
    }
    for name, values in fields.items():
        for number, value in enumerate(values):
            wrong = order(f"{name} {number}", **{name: value})
            yield Case(f"data.{name} {str(value)[:20]!r}", encoded(wrong), "malformed", (f"data.{name}",))
    numbers = {
        "negative": -1,
        "a word": "ten",
        "true": True,
        "null": None,
        "not a number": "NaN",
        "infinite": "Infinity",
        "sixteen digits before it": "1234567890123456",
        "hexadecimal": "0x10",
        "with spaces": " 1 ",
        "with a comma": "1,5",
        "as a token too great": Number("1e400"),
        "as an exponent without end": Number("1e999999999999"),
    }
    for name, value in numbers.items():
        wrong = placed(f"H-quantity {name}", PLACED, PROMISE, line(1, quantity=value))
        yield Case(f"quantity {name}", written(wrong), "malformed", ("data.lines[0].quantity",))
    for name, nothing in {"nothing": 0, "nothing but noise": Number("1e-400")}.items():
        empty = placed(f"H-quantity {name}", PLACED, PROMISE, line(1, quantity=nothing))
        yield Case(f"quantity {name}", written(empty), "malformed", ("data.lines", "quantity of more than 0"))
    twice = placed("H-lines twice", PLACED, PROMISE, line(1), line(1))
    yield Case("a line number twice", encoded(twice), "malformed", ("lines",))
    negative = placed("H-price", PLACED, PROMISE, line(1, unit_price="-0.01"))
    yield Case("a negative price", encoded(negative), "malformed", ("data.lines[0].unit_price",))
    second = placed("H-second", PLACED, PROMISE, line(1), line(2, quantity=-3))
    yield Case("the second line", encoded(second), "malformed", ("data.lines[1].quantity",))
    for name, data, word in (
        ("rep.quota_set", {"month": "2025-13", "currency": "USD", "target_amount": "1"}, "month"),
        ("rep.quota_set", {"month": "2025-01", "currency": "USD"}, "target_amount"),
        ("rep.registered", {"name": "Ann", "level": "boss"}, "level"),
        ("message.voided", {"source": "/x", "reason": "wrong"}, "data.id"),
        (
            "shipment.booked",
            {"shipment_id": "S1", "mode": "drone", "carrier": "X", "estimated_delivery": PROMISE},
            "mode",
        ),
        ("delivery.confirmed", {"shipment_id": "S1", "lines": [{"line": 1}]}, "lines[0].quantity"),
        ("customer.informed", {"about": "weather"}, "about"),
        ("expedite.granted", {"request_id": "E1", "promised_by": PROMISE, "surcharge": "-1"}, "surcharge"),
    ):
        wrong = message(name, f"H-{name} {word}", PLACED, data)
        yield Case(f"{name} {word}", encoded(wrong), "malformed", (word,))


def contradictions() -> Iterator[Case]:
    def case(name: str, sent: dict[str, Any], verdict: str = "refused", *words: str) -> Case:
        return Case(name, encoded(sent), verdict, words)

    one = order("twice placed")
    yield case("an order", one, "applied")
    yield case("placed again with other words", {**one, "id": "again", "data": {**one["data"], "rep_id": "rep-2"}})
    yield case("placed again with the same words", {**one, "id": "same"}, "duplicate")
    two = order("arrived")
    yield case("an order that arrives", two, "applied")
    yield case("its booking", booked("H-arrived", "2025-03-04T09:00:00Z", PROMISE), "applied")
    yield case("its arrival", confirmed("H-arrived", "2025-03-05T09:00:00Z"), "applied")
    yield case("its arrival again", confirmed("H-arrived", "2025-03-06T09:00:00Z"), "refused", "confirmed before")
    yield case("cancelled after it arrived", cancelled("H-arrived", "2025-03-07T09:00:00Z"))
    reschedule = {"promised_by": "2025-04-01T00:00:00Z", "reason": "asked for"}
    yield case(
        "promised anew after it arrived", message("order.rescheduled", "H-arrived", "2025-03-08T09:00:00Z", reschedule)
    )
    three = order("booked wrongly")
    yield case("an order to book", three, "applied")
    for name, lines, words in (
        ("more than is left", [{"line": 1, "quantity": 99}], "line 1"),
        ("a line that is not there", [{"line": 9, "quantity": 1}], "line 9"),
    ):
        sent = booked("H-booked wrongly", "2025-03-04T09:00:00Z", PROMISE, f"S-{name}", lines=lines, id=name)
        yield case(f"booked: {name}", sent, "refused", words)
    yield case("a shipment that nobody booked", confirmed("H-arrived", "2025-03-05T10:00:00Z", "S404"), "held", "S404")
    yield case("an order that nobody placed", cancelled("H-nowhere", "2025-03-05T10:00:00Z"), "held", "H-nowhere")
    grant = {"request_id": "E404", "promised_by": PROMISE}
    yield case(
        "a request that nobody made", message("expedite.granted", "H-twice placed", PLACED, grant), "held", "E404"
    )
    void = {"source": "/nowhere", "id": "404", "reason": "wrong"}
    yield case("a message that nobody sent", message("message.voided", "H-arrived", PLACED, void), "held", "404")
    change = message("rep.changed", "rep-404", PLACED, {"team": "North"})
    yield case("a rep whom nobody registered", change, "held", "rep-404")


def unusual_and_good() -> Iterator[Case]:
    """What must not be turned away."""
    spaced = encoded(order("spaces")).replace(b": ", b" \t:  ")
    yield Case("spaces", b" \t " + spaced + b"  ", "applied")
    yield Case("CRLF", encoded(order("CRLF")) + b"\r", "applied")
    unknown = {
        **order("unknown fields", new_field={"deep": [1, 2]}),
        "extension": "x",
        "datacontenttype": "application/json",
    }
    yield Case("unknown fields", encoded(unknown), "applied")
    yield Case("letters of all scripts", encoded(order("Ünïcødé 注文 🚚", account_id="Bólido")), "applied")
    yield Case("escapes", json.dumps(order("escapes 注文 🚚")).encode(), "applied")
    yield Case("an id of 200 characters", encoded({**order("long id"), "id": "x" * 200}), "applied")
    yield Case("exactly a mebibyte", _of_size(1_048_576), "applied")
    numbers = placed(
        "H-numbers",
        PLACED,
        PROMISE,
        line(1, quantity="999999999999999.999999", unit_price="0"),
        line(2, quantity=Number("1e3"), unit_price=Number("0.000001")),
        line(3, quantity=Number("1.50"), unit_price="12345"),
    )
    yield Case("numbers at their limits", written(numbers), "applied")
    fits: dict[str, dict[str, Any]] = {
        "a guest": {"account_id": None},
        "an order that nobody holds": {"rep_id": None},
        "a date alone": {"promised_by": "2025-03-10"},
        "noise in a price": {"lines": [line(1, unit_price=Number("17.169999999999998"))]},
        "seven digits after the point": {"lines": [line(1, quantity="1.0000001")]},
        "a row of nothing": {"lines": [line(1), line(2, quantity=0)]},
        "a line by its id": {"lines": [line("a1b2c3")]},
        "an integer with a fraction of 0": {"lines": [line(Number("1.0"))]},
    }
    for name, data in fits.items():
        yield Case(name, written(order(name, **data)), "applied")
    yield Case("another offset", encoded({**order("offset"), "time": "2025-03-03T09:00:00.123456-11:30"}), "applied")
    yield Case("long ago", encoded({**order("long ago"), "time": "1815-06-18T11:35:00Z"}), "applied")
    yield Case("SQL", encoded(order("'; DROP TABLE messages; --", account_id="Robert'); --")), "applied")
    yield Case("markup", encoded(order("[bold]x[/bold] <script>", account_id="[/red]")), "applied")


CASES = [*unusual_and_good(), *malformed_bytes(), *malformed_envelopes(), *malformed_data(), *contradictions()]


@dataclass(frozen=True)
class Taken:
    """The file in a store, and what was found about each line."""

    waybill: Command
    ran: Ran
    counts: dict[str, int]
    found: dict[int, tuple[str, str]]


@pytest.fixture(scope="module")
def taken(nursery: Nursery, tmp_path_factory: pytest.TempPathFactory) -> Taken:
    waybill = Command(nursery, tmp_path_factory.mktemp("hostile"))
    file = waybill.folder / "hostile.jsonl"
    # A byte order mark before it all, a blank line after each, and no newline at the end.
    file.write_bytes(b"\xef\xbb\xbf" + b"\n\n".join(case.line for case in CASES))
    ran = waybill("ingest", file, "--format", "json")
    letters = [*waybill.ask("dead-letters", "list", "--all"), *waybill.ask("held", "list")]
    found = {letter["offset"]: (letter["verdict"], letter["reason"]) for letter in letters}
    return Taken(waybill, ran, ran.json, found)


def test_the_file_is_taken_in_without_a_traceback(taken: Taken) -> None:
    taken.ran.exited(0)


def test_every_line_is_counted_once(taken: Taken) -> None:
    expected = dict.fromkeys(("received", "applied", "duplicate", "held", "refused", "malformed"), 0)
    for case in CASES:
        expected[case.verdict] += 1
        expected["received"] += 1
    assert taken.counts == expected
    books = taken.waybill.ask("status")["books"]
    assert books["received"] == books["applied"] + books["duplicate"] + books["held"] + books["dead"] == len(CASES)


@pytest.mark.parametrize("number", range(len(CASES)), ids=[case.name for case in CASES])
def test_a_line_has_its_verdict(taken: Taken, number: int) -> None:
    case = CASES[number]
    verdict, reason = taken.found.get(2 * number, ("taken", ""))

    if case.verdict in ("applied", "duplicate"):
        assert verdict == "taken", reason
    else:
        assert verdict == case.verdict, reason
        assert reason.isprintable()
        assert 0 < len(reason) <= 500
        for word in case.words:
            assert word in reason.replace(",", "")


def test_the_good_ones_are_applied(taken: Taken) -> None:
    placed_orders = {event["stream"] for event in taken.waybill.ask("events", "--type", "OrderPlaced")}

    for case in unusual_and_good():
        assert f"order-{json.loads(case.line)['subject']}" in placed_orders, case.name


def test_strictly_the_same_file_fails(taken: Taken) -> None:
    taken.waybill("ingest", taken.waybill.folder / "hostile.jsonl", "--strict").exited(1, "dead")


def test_what_was_kept_can_be_shown_and_asked_for(taken: Taken) -> None:
    taken.waybill("verify").done()
    for form in ("table", "csv", "json"):
        taken.waybill("dead-letters", "list", "--all", "--format", form).done()
        taken.waybill("held", "list", "--format", form).done()
        taken.waybill("overdue", "--as-of", "2025-04-01", "--format", form).done()
    taken.waybill("order", "H-[bold]x[/bold] <script>").done()
    taken.waybill("order", "H-'; DROP TABLE messages; --").done()
