"""A number with the noun that it counts, for people."""


def counted(number: int, noun: str) -> str:
    """`1 message`, `2,000 messages`. The plural is the noun with an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def counted_up_to(number: int, most: int, noun: str) -> str:
    """The same where counting stops soon after `most`: `more than 10,000 events` for any number above it."""
    return f"more than {counted(most, noun)}" if number > most else counted(number, noun)
