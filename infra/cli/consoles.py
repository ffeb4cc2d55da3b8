"""The consoles that the command prints on: answers on standard output, progress and errors on standard error."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.progress import (
    BarColumn,
    Progress,
    SpinnerColumn,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.segment import Segment
from rich.text import Text

from infra.cli.pager import begin_answer
from infra.cli.tables.layout import Room
from infra.printable import printable

# Tables written to a file or a pipe are not cut to the width of a terminal.
WIDTH_WITHOUT_TERMINAL = 240


class PrintableConsole(Console):
    """Escapes unprintable characters in everything it prints: upstreams wrote much of it, and a terminal would obey it.

    Only rich's own sequences for colours and the cursor pass.
    """

    def render_str(self, text: str, **how: Any) -> Text:
        # Before the layout, so that columns stay aligned.
        return super().render_str(printable(text), **how)

    def render(self, renderable: RenderableType, options: ConsoleOptions | None = None) -> Iterable[Segment]:
        # And here, for text inside rich's own objects.
        for segment in super().render(renderable, options):
            yield segment if segment.control else segment._replace(text=printable(segment.text))


def console() -> Console:
    """A console for answers. It is new each time because tests replace the standard streams."""
    return PrintableConsole(width=None if sys.stdout.isatty() else WIDTH_WITHOUT_TERMINAL, highlight=False, emoji=False)


def room_of_answers() -> Room | None:
    """The size of the terminal on which an answer is shown; None in a pipe or a file, where nothing is wrapped.

    What is longer than the terminal goes through a pager.
    """
    if not sys.stdout.isatty():
        return None
    size = console().size
    begin_answer(size.height, size.width)
    return Room(size.width, size.height)


def errors() -> Console:
    """A console for progress and errors."""
    return PrintableConsole(stderr=True, highlight=False, emoji=False, soft_wrap=True)


def parts_shown(progress: Progress) -> Callable[[str, int, int], None]:
    """Shows each part of a work as a bar of its own when it begins, with how much is done and how much there is."""
    tasks: dict[str, TaskID] = {}

    def show(part: str, done: int, total: int) -> None:
        if part not in tasks:
            tasks[part] = progress.add_task(part, total=total)
        text = f"{part.replace('_', ' ')}: {min(done, total):,} of {total:,}"
        progress.update(tasks[part], completed=done, total=total, description=text)

    return show


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A progress bar on a terminal, nothing elsewhere."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.percentage:>3.0f}%"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=errors(),
        transient=True,
        disable=not sys.stderr.isatty(),
    ) as progress:
        yield progress
