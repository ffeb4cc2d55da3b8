"""Command that explains: help. Its topics are the text files of infra/cli/help_topics; docs/help.md shows the same."""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Annotated, Any

import typer

from domain.nearest import near, suggested
from infra.cli import help_topics
from infra.cli.output import console

ENDING = ".txt"
ELSEWHERE = (
    "  waybill help TOPIC    one of these",
    "  waybill help COMMAND  how to use a command",
    "  waybill --help        all commands",
)


def add_commands(app: typer.Typer) -> None:
    app.command(name="help")(show_help)


@cache
def topics() -> Mapping[str, str]:
    """The text of each topic, by its name; the first line is its title."""
    found = (file for file in files(help_topics).iterdir() if file.name.endswith(ENDING))
    return {file.name.removesuffix(ENDING): file.read_text(encoding="utf-8") for file in sorted(found, key=str)}


def _offered(context: typer.Context, incomplete: str) -> list[str]:
    """Topics, then commands, for the shell's completion."""
    return [name for name in dict.fromkeys((*topics(), *_commands(context))) if name.startswith(incomplete)]


def show_help(
    context: typer.Context,
    topic: Annotated[
        list[str] | None,
        typer.Argument(metavar="TOPIC|COMMAND", help="A topic, or a command's name.", autocompletion=_offered),
    ] = None,
) -> None:
    """Explain a topic: verdicts, clocks, settings, stores, exit-codes or formats. Or show the help of a command."""
    words = topic or []
    if not words:
        _show(_contents())
    elif len(words) == 1 and words[0] in topics():
        also = words[0] in _commands(context)
        _show(topics()[words[0]] + (f"\nThe command of this name: waybill {words[0]} --help\n" if also else ""))
    else:
        _expect_command(context, words)
        context.find_root().command.main([*words, "--help"], prog_name=context.find_root().info_name)


def _contents() -> str:
    titles = {name: text.partition("\n")[0] for name, text in topics().items()}
    width = max(map(len, titles))
    lines = [f"  {name:<{width}}  {title.partition(': ')[2] or title}" for name, title in titles.items()]
    return "\n".join(("Topics", "", *lines, "", *ELSEWHERE, ""))


def _expect_command(context: typer.Context, words: list[str]) -> None:
    """Raise BadParameter unless the words name a command or a group of commands."""
    group: Any = context.find_root().command
    for number, word in enumerate(words):
        known = getattr(group, "commands", {})
        if word not in known:
            own = (name for name, each in known.items() if not each.hidden)
            names = dict.fromkeys((*(() if number else topics()), *own))
            asked = " ".join(words[: number + 1])
            raise typer.BadParameter(
                f"there is no topic or command {asked}{suggested(near(word, names))}; waybill help lists the topics",
                param_hint="TOPIC",
            )
        group = known[word]


def _commands(context: typer.Context) -> Mapping[str, Any]:
    return getattr(context.find_root().command, "commands", {})


def _show(text: str) -> None:
    console().print(text, markup=False, end="", soft_wrap=True)
