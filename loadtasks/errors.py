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


class LoadTasksError(Exception):
    """An error whose message is one sentence that names the file, field or address, and what to do."""

    exit_code = ExitCode.BAD_INPUT


class BadInputError(LoadTasksError):
    """Some input is wrong, and whoever gave it can correct it."""

    exit_code = ExitCode.BAD_INPUT


class TargetUnavailableError(LoadTasksError):
    """The target doesn't respond, so nothing can be measured."""

    exit_code = ExitCode.INVALID
