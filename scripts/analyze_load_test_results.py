#!/usr/bin/env python3
"""Print the report of a results file, or its comparison with a baseline's: RESULTS [BASELINE].

Thin over `python -m loadtasks report` and `compare`, with their exit codes: 0 good, 1 a target missed or a regression,
2 bad input, 3 invalid.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from loadtasks.cli.main import cli


def main(arguments: list[str]) -> None:
    """Analyse the results file that the arguments name."""
    match arguments:
        case [results] if not results.startswith("-"):
            cli(["report", str(Path(results).with_suffix(".json"))], prog_name="analyze_load_test_results.py")
        case [results, baseline]:
            cli(["compare", results, baseline], prog_name="analyze_load_test_results.py")
        case _:
            sys.exit("Usage: analyze_load_test_results.py RESULTS [BASELINE]   (two results.json files)")


if __name__ == "__main__":
    main(sys.argv[1:])
