"""The command line: `loadtasks`, or `python -m loadtasks`, and what happens where it can't even start."""

import sys
from collections.abc import Sequence

from loadtasks.cli.own_arguments import hide_passwords


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run the command line. Whatever breaks, also while it is imported, ends with exit code 4 and one sentence.

    The passwords in its arguments are hidden first.

    Args:
        arguments: those of this process unless given.
        program: the name under which the command line presents itself; the one it was called by unless given.
    """
    hide_passwords()
    from loadtasks.breakage import report_breakage  # noqa: PLC0415 - after the passwords are hidden
    from loadtasks.errors import ExitCode  # noqa: PLC0415
    from loadtasks.interruption import interrupted_by_signals  # noqa: PLC0415
    from loadtasks.streams import make_streams_steady  # noqa: PLC0415

    make_streams_steady()
    try:
        with interrupted_by_signals():
            from loadtasks.cli.main import cli  # noqa: PLC0415 - takes a second, and may be broken

            cli(arguments, prog_name=program)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        sys.exit(report_breakage(error))


if __name__ == "__main__":
    main()
