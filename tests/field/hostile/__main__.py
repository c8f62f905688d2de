"""`python -m tests.field.hostile [NAME ...]`: run the product against each hostile case, and print a table."""

import argparse
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.field.hostile.case import Case
from tests.field.hostile.catalogue import CASES
from tests.field.hostile.measured_run import Outcome, try_case, try_together


def main() -> int:
    """Print the table; the exit code is 1 where a case failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.field.hostile", description=__doc__)
    parser.add_argument(
        "names", nargs="*", help="cases, families, or regular expressions of case names; all by default"
    )
    parser.add_argument("--parallel", type=int, default=2, help="runs at a time (2)")
    parser.add_argument("--workers", type=int, help="of each closed load")
    parser.add_argument("--failed", action="store_true", help="list only what failed")
    parser.add_argument("--together", type=int, default=1, metavar="N", help="cases of a run, where they can share one")
    parser.add_argument("--keep", type=Path, help="folder for what the runs leave")
    arguments = parser.parse_args()
    chosen = [
        case
        for case in CASES.values()
        if not arguments.names or any(name == case.family or re.fullmatch(name, case.name) for name in arguments.names)
    ]
    batches = _batches(chosen, arguments.together)
    outcomes = []
    with ThreadPoolExecutor(arguments.parallel) as pool:
        for batch in pool.map(lambda cases: _try(cases, arguments.workers, arguments.keep), batches):
            outcomes += batch
            for outcome in batch:
                if outcome.problems or not arguments.failed:
                    _print(_row(outcome))
    _print(_summary(outcomes))
    return 1 if any(outcome.problems for outcome in outcomes) else 0


def _batches(cases: Sequence[Case], size: int) -> list[list[Case]]:
    """The cases of each run: those that need a target of their own alone, the others several at a time."""
    sharing = [case for case in cases if not case.alone] if size > 1 else []
    shared = [sharing[start : start + size] for start in range(0, len(sharing), size)]
    return [*shared, *([case] for case in cases if case not in sharing)]


def _try(cases: Sequence[Case], workers: int | None, keep: Path | None) -> list[Outcome]:
    if len(cases) == 1:
        return [try_case(cases[0], workers, keep)]
    outcomes = try_together({case.name: case for case in cases}, workers, keep)
    if outcomes[0].run.document is not None:
        return outcomes
    half = len(cases) // 2  # one of them ended the run of all
    return [*_try(cases[:half], workers, keep), *_try(cases[half:], workers, keep)]


def _row(outcome: Outcome) -> str:
    case, run = outcome.case, outcome.run
    verdict = "ok" if not outcome.problems else "FAILED: " + "; ".join(outcome.problems)
    return (
        f"{case.family:10} {case.name:46} exit {run.exit_code!s:4} {run.seconds:5.1f} s {run.peak_mb:6.0f} MB  "
        f"{outcome.account}  {verdict}"
    )


def _summary(outcomes: Sequence[Outcome]) -> str:
    failed = sum(bool(outcome.problems) for outcome in outcomes)
    highest = max(outcomes, key=lambda outcome: outcome.run.peak_mb)
    slowest = max(outcomes, key=lambda outcome: outcome.run.seconds)
    return (
        f"{len(outcomes)} cases, {failed} failed; highest memory {highest.run.peak_mb:.0f} MB ({highest.case.name}), "
        f"longest {slowest.run.seconds:.1f} s ({slowest.case.name})"
    )


def _print(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
