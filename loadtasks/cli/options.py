"""Options that several commands share, most of them settings, and what the commands make of them."""

import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar

import click

from loadtasks.errors import BadInputError
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.files import MAX_LOAD_FACTOR, MIN_LOAD_FACTOR
from loadtasks.settings import MAX_SHOWN, Settings, hint, read_settings, variable
from loadtasks.steps import RunContext

Command = TypeVar("Command", bound=Callable[..., Any])

_DAYS = {"d": 1, "w": 7}
_MAX_DAYS = 36500
MAX_NUMBER = 2**31 - 1
"""The largest whole number of an option: databases keep ids and counts in 32 bits."""


class NumberOption(click.ParamType[int | float]):
    """A number of an option, refused in one sentence where it is none or out of its bounds."""

    name = "number"

    def __init__(self, write: str, minimum: float, maximum: float, *, whole: bool) -> None:
        self._write, self._bounds, self._kind = write, (minimum, maximum), int if whole else float

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> int | float:
        """The number that a text is.

        Raises:
            BadInputError: it is none.
        """
        try:
            number = self._kind(str(value)) if str(value).isascii() and "_" not in str(value) else None
        except ValueError:
            number = None
        if number is None or not self._bounds[0] <= number <= self._bounds[1]:
            named = parameter.opts[0] if isinstance(parameter, click.Option) else "the argument"
            raise BadInputError(f"{named} {str(value)[:MAX_SHOWN]}: write {self._write}.")
        return number


class Age(click.ParamType[timedelta]):
    """How long ago, in days (`180d`) or weeks (`26w`)."""

    name = "age"

    def convert(self, value: object, parameter: click.Parameter | None, context: click.Context | None) -> timedelta:
        """The time that a text is.

        Raises:
            BadInputError: it is none.
        """
        if isinstance(value, timedelta):
            return value
        written = re.fullmatch(r"([0-9]{1,6})([dw])", str(value))
        days = int(written[1]) * _DAYS[written[2]] if written else 0
        if not 1 <= days <= _MAX_DAYS:
            named = parameter.opts[0] if isinstance(parameter, click.Option) else "the argument"
            raise BadInputError(
                f"{named} {str(value)[:MAX_SHOWN]}: write a whole number of days or weeks, such as 180d or 26w, of "
                f"at least 1d and at most {_MAX_DAYS}d."
            )
        return timedelta(days=days)


load_factor = click.option(
    "--load-factor",
    type=NumberOption(
        f"a number from {MIN_LOAD_FACTOR:g} to {MAX_LOAD_FACTOR:g}; 1 is the load of the scenario files",
        MIN_LOAD_FACTOR,
        MAX_LOAD_FACTOR,
        whole=False,
    ),
    default=1.0,
    show_default=True,
    metavar="NUMBER",
    help="Multiply the load of every scenario.",
)


def limit(most: str) -> Callable[[Command], Command]:
    """The option `--limit`; `most` is its help."""
    return click.option(
        "--limit", type=positive("a whole number"), default=20, show_default=True, metavar="NUMBER", help=most
    )


def positive(write: str) -> NumberOption:
    """A whole number from 1 on, of an option or an argument."""
    return NumberOption(f"{write} from 1 to {MAX_NUMBER}", 1, MAX_NUMBER, whole=True)


def bounded(what: str, minimum: int, maximum: int) -> NumberOption:
    """A whole number of an option within bounds."""
    return NumberOption(f"{what}, a whole number from {minimum} to {maximum}", minimum, maximum, whole=True)


_METAVARS = {
    "health_path": "PATH",
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


def with_settings(command: Callable[..., Any]) -> Callable[..., Any]:
    """Call a command with the `Settings` of the environment and the options that were given.

    Raises:
        BadInputError: a setting that makes no sense.
    """

    @click.pass_context
    @wraps(command)
    def call(invocation: click.Context, /, *arguments: Any, **options: Any) -> Any:
        given: dict[str, str] = invocation.ensure_object(dict)
        settings = read_settings(**given)
        with Redactor(settings.secrets).in_errors():
            return command(settings, *arguments, **options)

    return call


def with_context(command: Callable[..., Any]) -> Callable[..., Any]:
    """Call a command with the `RunContext` of the environment and the options that were given.

    Raises:
        BadInputError: a setting that makes no sense.
    """

    @wraps(command)
    def call(settings: Settings, /, *arguments: Any, **options: Any) -> Any:
        context = RunContext.from_settings(settings)
        with context.redactor().in_errors():
            return command(context, *arguments, **options)

    return with_settings(call)


def _remember(name: str) -> Callable[[click.Context, click.Parameter, str | None], None]:
    """Keep what an option says for `with_context`, the command's own `--out` going before the group's."""

    def remember(invocation: click.Context, _option: click.Parameter, value: str | None) -> None:
        given: dict[str, str] = invocation.ensure_object(dict)
        if value is not None:
            given[name] = value

    return remember
