"""Errors that people see: one clear sentence each, and the exit code of the command line that goes with it."""

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit codes of every command (documented in docs/command_line.md)."""

    GOOD = 0
    """Everything was measured and met its targets; nothing regressed."""
    NOT_GOOD = 1
    """A target was missed or a scenario regressed."""
    BAD_INPUT = 2
    """Something handed in is wrong: a file, an option, a token, a folder that can't be written."""
    INVALID = 3
    """A measurement can't be trusted or could not be made, so nothing is claimed of the API."""


class LoadTasksError(Exception):
    """An error whose message is one sentence that names the file, field or address, and what to do."""

    exit_code = ExitCode.BAD_INPUT


class BadInputError(LoadTasksError):
    """Something that a person handed in is wrong; they can mend it."""

    exit_code = ExitCode.BAD_INPUT


class TargetUnavailableError(LoadTasksError):
    """The target doesn't answer, so nothing can be measured."""

    exit_code = ExitCode.INVALID
