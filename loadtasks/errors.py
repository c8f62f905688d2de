"""Errors that people see: one clear sentence each, and the exit code of the command line that goes with it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command, described in docs/command_line.md."""

    GOOD = 0
    """Everything was measured and met its targets; nothing regressed."""
    NOT_GOOD = 1
    """A target was missed or a scenario regressed."""
    BAD_INPUT = 2
    """Some input is wrong: a file, an option, a setting, a token, a folder that can't be written."""
    INVALID = 3
    """A measurement can't be trusted or could not be made, so nothing is claimed about the API."""
    BROKEN = 4
    """The pipeline itself broke, in a way that nobody foresaw: neither the input nor the API is to blame."""
    INTERRUPTED = 130
    """Ctrl-C or SIGTERM ended a command that had nothing to conclude; what a shell expects after SIGINT."""


MAX_MESSAGE = 1_500
"""Characters of an error's message."""
_KEPT_AT_END = 400
"""Of them those of its end, which says what to do."""


class LoadTasksError(Exception):
    """An error whose message is one sentence that names the file, field or address, and what to do.

    What it quotes of a file may have any length and any characters: the middle of a long message is left out, and what
    can't be printed is shown as an escape.
    """

    exit_code = ExitCode.BAD_INPUT

    def __str__(self) -> str:
        message = super().__str__()
        if len(message) > MAX_MESSAGE:
            message = f"{message[: MAX_MESSAGE - _KEPT_AT_END]} ... {message[-_KEPT_AT_END:]}"
        if message.isprintable():
            return message
        return "".join(char if char.isprintable() else repr(char)[1:-1] for char in message)


class BadInputError(LoadTasksError):
    """Some input is wrong, and whoever gave it can correct it."""

    exit_code = ExitCode.BAD_INPUT


class NotStoredError(BadInputError):
    """What was asked for by its id is not in the results database."""


class TargetUnavailableError(LoadTasksError):
    """The target doesn't respond, so nothing can be measured."""

    exit_code = ExitCode.INVALID
