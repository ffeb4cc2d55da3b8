"""`waybill help`: topics for whoever has no browser at hand, and commands by their names."""

from tests.integration.command import Command


def test_help_lists_its_topics_and_shows_each(waybill: Command) -> None:
    listed = waybill("help").done().text
    for topic in ("verdicts", "clocks", "settings", "stores", "exit-codes", "formats"):
        assert f"\n  {topic} " in listed
        assert waybill("help", topic).done().text.count("\n") > 10
    assert list(waybill.folder.iterdir()) == []


def test_help_shows_how_to_use_a_command(waybill: Command) -> None:
    assert "Usage: waybill overdue [OPTIONS]" in waybill("help", "overdue").done().text
    assert "Usage: waybill dead-letters redrive" in waybill("help", "dead-letters", "redrive").done().text
    assert "waybill settings --help" in waybill("help", "settings").done().text


def test_an_unknown_topic_is_wrong_usage_with_the_nearest(waybill: Command) -> None:
    waybill("help", "verdict").exited(2, "no topic or command verdict; the nearest: verdicts")
    waybill("help", "overdeu").exited(2, "the nearest: overdue")
    waybill("help", "dead-letters", "lst").exited(2, "no topic or command dead-letters lst; the nearest: list")
