"""`python -m loadtasks` and the command `loadtasks`: the command line, and what happens where it can't even start."""

import sys
from collections.abc import Sequence

from loadtasks.breakage import report_breakage
from loadtasks.errors import ExitCode
from loadtasks.streams import make_streams_steady


def main(arguments: Sequence[str] | None = None, program: str | None = None) -> None:
    """Run the command line. Whatever breaks, also while it is imported, ends with exit code 4 and one sentence.

    Args:
        arguments: those of this process unless given.
        program: the name under which the command line presents itself; the one it was called by unless given.
    """
    make_streams_steady()
    try:
        from loadtasks.cli.main import cli  # noqa: PLC0415 - an installation that is broken has to be told too

        cli(arguments, prog_name=program)
    except KeyboardInterrupt:
        sys.exit(ExitCode.INTERRUPTED)
    except Exception as error:
        sys.exit(report_breakage(error))


if __name__ == "__main__":
    main()
