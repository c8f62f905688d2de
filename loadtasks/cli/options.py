"""Options that several commands share, most of them settings, and what the commands make of them."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import click

from loadtasks.settings import Settings, hint, read_settings, variable
from loadtasks.steps import RunContext

Command = TypeVar("Command", bound=Callable[..., Any])

load_factor = click.option(
    "--load-factor",
    type=float,
    default=1.0,
    show_default=True,
    metavar="NUMBER",
    help="Multiply the load of every scenario.",
)
limit = click.option(
    "--limit", type=click.IntRange(min=1), default=20, show_default=True, metavar="NUMBER", help="Most runs to list."
)
_METAVARS = {
    "target": "URL",
    "service": "NAME",
    "reference": "URL",
    "scenarios": "FOLDER",
    "expectations": "FOLDER",
    "var": "FOLDER",
}


def setting(name: str) -> Callable[[Command], Command]:
    """The option of a setting. Its help and default are the setting's, which also checks what is given."""
    known = hint(name)
    default = Settings.model_fields[name].default
    otherwise = variable(name) if default is None else f"{variable(name)}, else {shown_default(name)}"
    return click.option(
        known.option,
        f"given_{name}",
        metavar=_METAVARS.get(name, "NUMBER"),
        expose_value=False,
        callback=_remember(name),
        help=f"{documentation(name)}  [default: {otherwise}]",
    )


def documentation(name: str) -> str:
    """What a setting is, on one line."""
    return " ".join((Settings.model_fields[name].description or "").split())


def shown_default(name: str) -> str:
    """The constant that a setting has where nothing is set; empty where there is none."""
    default = Settings.model_fields[name].default
    if isinstance(default, tuple):
        return ", ".join(default)
    if default is None:
        return ""
    return f"{default:g}" if isinstance(default, float) else str(default)


def with_context(command: Callable[..., Any]) -> Callable[..., Any]:
    """Call a command with the `RunContext` of the environment and the options that were given.

    Raises:
        BadInputError: a setting that makes no sense.
    """

    @click.pass_context
    @wraps(command)
    def call(invocation: click.Context, /, *arguments: Any, **options: Any) -> Any:
        given: dict[str, str] = invocation.ensure_object(dict)
        context = RunContext.from_settings(read_settings(**given))
        with context.redactor().in_errors():
            return command(context, *arguments, **options)

    return call


def _remember(name: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    """Keep what an option says for `with_context`, the command's own `--out` going before the group's."""

    def remember(invocation: click.Context, _option: click.Parameter, value: str | None) -> None:
        given: dict[str, str] = invocation.ensure_object(dict)
        if value is not None:
            given[name] = value

    return remember
