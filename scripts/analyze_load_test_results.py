#!/usr/bin/env python3
"""Print the report of a results file, or judge it by a baseline's file: RESULTS [BASELINE].

With BASELINE, what is worse than there by more than two runs of one build differ is a regression (docs/verdict.md, "Two
results files"). Thin over `python -m loadtasks report` and `compare`, with their exit codes: 0 good, 1 a target missed
or a regression, 2 bad input, 3 invalid, 4 the pipeline itself broke.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loadtasks import __main__ as command_line
from loadtasks.errors import ExitCode

_NAME = Path(__file__).name


def main(arguments: list[str]) -> None:
    """Analyse the results file that the arguments name."""
    match arguments:
        case [results] if not results.startswith("-"):
            command_line.main(["report", str(Path(results).with_suffix(".json"))], _NAME)
        case [results, baseline]:
            command_line.main(["compare", results, baseline], _NAME)
        case _:
            print(f"Usage: {_NAME} RESULTS [BASELINE]   (two results.json files)", file=sys.stderr)  # noqa: T201
            sys.exit(ExitCode.BAD_INPUT)


if __name__ == "__main__":
    main(sys.argv[1:])
