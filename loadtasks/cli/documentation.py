"""The generated parts of docs/command_line.md: `python -m loadtasks.cli.documentation FILE` brings them up to date."""

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import click

from loadtasks.cli.main import cli
from loadtasks.cli.options import documentation, shown_default
from loadtasks.settings import Settings, hint, variable


def with_generated_parts(text: str) -> str:
    """Give a document with the text between each pair of markers generated again.

    A part stands between `<!-- generated: NAME -->` and `<!-- end -->`.
    """
    marked = re.compile(r"(<!-- generated: (\w+) -->\n).*?(<!-- end -->)", re.DOTALL)
    return marked.sub(lambda part: f"{part[1]}\n{_PARTS[part[2]]()}\n\n{part[3]}", text)


def settings_table() -> str:
    """Every setting: its variable, its option, what it is, and its default."""
    heads = ("variable", "option", "meaning", "default")
    return _table(heads, (_setting_row(name) for name in Settings.model_fields))


def commands_table() -> str:
    """Every command with its arguments, what it does, and its options."""
    return _table(("command", "what it does", "options"), _command_rows(cli, ""))


_PARTS: dict[str, Callable[[], str]] = {"settings": settings_table, "commands": commands_table}


def _setting_row(name: str) -> tuple[str, ...]:
    known, constant = hint(name), shown_default(name)
    default = known.default or (f"`{constant}`" if constant else "none")
    return f"`{variable(name)}`", f"`{known.option}`" if known.option else "", documentation(name), default


def _command_rows(group: click.Group, prefix: str) -> Iterator[tuple[str, ...]]:
    for name, command in group.commands.items():
        arguments = [p.make_metavar(click.Context(command)) for p in command.params if isinstance(p, click.Argument)]
        options = [f"`{option.opts[0]}`" for option in command.params if isinstance(option, click.Option)]
        called = " ".join([f"{prefix}{name}", *arguments]).replace("|", "\\|")
        yield f"`{called}`", command.get_short_help_str(limit=1000), ", ".join(options)
        if isinstance(command, click.Group):
            yield from _command_rows(command, f"{prefix}{name} ")


def _table(heads: tuple[str, ...], rows: Iterator[tuple[str, ...]]) -> str:
    lines = [heads, tuple("---" for _ in heads), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)


if __name__ == "__main__":
    document = Path(sys.argv[1])
    document.write_text(with_generated_parts(document.read_text(encoding="utf-8")), encoding="utf-8")
