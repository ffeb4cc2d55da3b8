"""`waybill example` prints the messages of the tour, which show every kind of verdict."""

from tests.integration.command import Command


def test_the_tour_shows_a_message_of_each_kind(waybill: Command) -> None:
    lines = waybill("example").done().out

    assert len(lines.splitlines()) == 7
    counts = ingest(waybill, lines, "--history")
    assert counts == {"received": 7, "applied": 4, "duplicate": 0, "held": 1, "refused": 1, "malformed": 1}


def test_the_later_messages_end_the_wait_of_the_tour(waybill: Command) -> None:
    ingest(waybill, waybill("example", "tour").done().out, "--history")
    (held,) = waybill.ask("message", "northline", "NL-3")
    assert held["verdict"] == "held"

    ingest(waybill, waybill("example", "later").done().out)

    (taken,) = waybill.ask("message", "northline", "NL-3")
    assert taken["verdict"] == "applied"


def test_an_unknown_part_is_an_error_that_names_the_known_ones(waybill: Command) -> None:
    waybill("example", "earlier").exited(2, "tour", "later")


def ingest(waybill: Command, lines: bytes, *options: str) -> dict[str, int]:
    counts: dict[str, int] = waybill("ingest", "-", *options, "--format", "json", stdin=lines).done().json
    return counts
