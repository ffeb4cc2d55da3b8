"""A number with the noun that it counts, for people."""


def counted(number: int, noun: str) -> str:
    """`1 message`, `2,000 messages`. The plural is the noun with an s."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"
