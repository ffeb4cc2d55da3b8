"""The group of all commands, which imports the module of a command when it is called and not before.

`waybill --help` and the completion of a command's name show what infra.cli.commands lists, and import no command.
"""

from collections.abc import Iterator, MutableMapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from infra.cli.commands import PLACES
from infra.runtime.garbage_collection import collect_rarely

AnyCommand = Any
"""A command or a group of typer, whose library of them is private to it."""


class LazyCommands(MutableMapping[str, AnyCommand]):
    """All commands by their names and aliases. Getting one imports its module; nothing else does."""

    def __init__(self) -> None:
        self._built: dict[str, AnyCommand] = {}

    def __getitem__(self, name: str) -> AnyCommand:
        if name not in self._built:
            self._built[name] = _build(name)
        return self._built[name]

    def __setitem__(self, name: str, command: AnyCommand) -> None:
        self._built[name] = command

    def __delitem__(self, name: str) -> None:
        raise TypeError("commands are not removed")

    def __contains__(self, name: object) -> bool:
        return name in PLACES

    def __iter__(self) -> Iterator[str]:
        return iter(PLACES)

    def __len__(self) -> int:
        return len(PLACES)


class LazyGroup(TyperGroup):
    """The commands of infra.cli.commands."""

    def __init__(self, **attributes: Any):
        super().__init__(**attributes)
        self.commands = LazyCommands()

    def list_commands(self, ctx: Any) -> list[str]:
        return list(PLACES)

    def format_help(self, ctx: Any, formatter: Any) -> None:
        contents = TyperGroup(
            name=self.name,
            help=self.help,
            params=self.params,
            rich_markup_mode=self.rich_markup_mode,
            commands={name: _listed(name) for name in PLACES},
        )
        contents.format_help(ctx, formatter)

    def shell_complete(self, ctx: Any, incomplete: str) -> Any:
        contents = TyperGroup(name=self.name, params=self.params, commands={name: _listed(name) for name in PLACES})
        ctx.command = contents  # the library completes the names of the context's command
        return contents.shell_complete(ctx, incomplete)


def _listed(name: str) -> TyperCommand:
    """The command as the help and the completion list it: without parameters, and not to be run."""
    heading, _, line, hidden = PLACES[name]
    return TyperCommand(name, help=line, hidden=hidden, rich_help_panel=heading)


def _build(name: str) -> AnyCommand:
    """Import the module of the command, and build this command alone. Raises KeyError for an unknown name."""
    place = PLACES[name]
    part = typer.Typer(rich_markup_mode="rich", pretty_exceptions_enable=False)
    import_module(f"infra.cli.{place.module}").add_commands(part)
    collect_rarely()
    part.registered_commands = [each for each in part.registered_commands if _name_of(each) == name]
    part.registered_groups = [each for each in part.registered_groups if each.name == name]
    command = typer.main.get_group(part).commands[name]
    for each in (command, *getattr(command, "commands", {}).values()):
        name_no_type_of_flags(each)
    return command


def _name_of(command: Any) -> str:
    return str(command.name or typer.main.get_command_name(command.callback.__name__))


def name_no_type_of_flags(command: AnyCommand) -> None:
    """Leave <bool> out of the help: a flag takes no value."""
    for parameter in command.params:
        if getattr(parameter, "is_bool_flag", False):
            parameter.metavar = ""
