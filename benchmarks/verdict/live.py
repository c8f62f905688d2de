"""Paired nights of the shipped API on this machine, in one build of which a slowdown is injected: found, and false.

    make benchmark-verdict-live

A night drives two endpoints in rounds against two of the shipped API and judges them by the product's own code, with
the diagnosis: the sessions list, which `APP_FAULTS` slows in the candidate, and the configuration, which nobody slows.
Meanwhile a neighbour loads the load generator's core at random, in spans of 0.05 to 3 s.

    cpu      Every request computes more: x % of what the reference's median request takes.
    query    Every request's first statement takes longer by as much.
    one in   One request of ten computes ten times as much, so that the mean rises by x %: the middle stays, the tail
    ten      moves.
             The reference has the same fault of 0.001 ms, so that nothing but its size makes the difference.
    none     Two like builds, each the reference every other night, and every other pair of nights as the scenario is
             shipped.

One worker sends all but the last, so that a request's time is the API's own. With ten of them requests wait for each
other: then +10 % of a request's own time is less than 1 % of its response time in one, +10 % in another place, and a
statement that sleeps longer isn't seen at all while they wait for the processor.

    truth    The ratio that the night's interval has to hold: p50's, or where one in ten is slowed p95's. It is measured
             of these very two processes before their nights, for `--truth` seconds with no neighbour (p95: with one; it
             makes most of the tail, in which a slowdown is then a smaller share), and told as the median of the rounds,
             which is not the verdict's own estimate. Two like builds are two processes too, and differ by about 1 %.
    found    Nights in which the slowed endpoint regressed.
    false    Claims, of a regression or an improvement, of what is not slowed.
    holds    Nights whose interval holds the truth.
    named    Nights found with the right cause: the target's own code, or the database.

A line a night as it ends, which is kept as JSON in `var/benchmarks/verdict_live.jsonl`. Ends with 1 where what is asked
doesn't hold: no false claim at all, 0 of 40 nights of like builds; 9 of 10 nights of +10 % CPU found, their
intervals holding the truth and named.
"""

import argparse
import json
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from dataclasses import asdict, replace

from benchmarks.engine.bench import machine, table
from benchmarks.verdict.burner import burning
from benchmarks.verdict.live_nights import Cell, Faults, Judged, Night, Score
from benchmarks.verdict.stand import SLOWED, UNTOUCHED, VAR, Stand, generator_core, scenario, standing
from loadtasks.engine.generator.calibration import calibrate
from loadtasks.measurement.health import Calibration
from loadtasks.results.findings.codes import FindingKind
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from loadtasks.steps.exercise import drive
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.reference.findings import ReferenceRounds

SIZES = (0.05, 0.10, 0.20)
NIGHTS_OF_A_PAIR = 10
_CLAIMS = (FindingKind.REGRESSION, FindingKind.IMPROVEMENT)
_DOUBTS = (FindingKind.VALIDITY, FindingKind.HISTORY)
_SHARE_ASKED = 0.9


def main() -> int:
    """Run the cells, print the table and what doesn't hold."""
    asked = _options()
    # What was started stops with it. The event loop heeds SIGINT alone; a shell in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    cells = _cells(asked)
    core = generator_core()
    print(f"{machine()}; seed {asked.seed}; at most {read_settings().rounds} rounds of a scenario", flush=True)
    calibration = calibrate()
    faults = _faults(cells, asked)
    VAR.mkdir(parents=True, exist_ok=True)
    scores = []
    for cell in cells:
        score = Score(cell)
        scores.append(score)
        for night in _nights(cell, faults, asked, core, calibration):
            score.nights.append(night)
            print(night.line(len(score.nights)), flush=True)
            with (VAR / "verdict_live.jsonl").open("a") as lines:
                lines.write(json.dumps({"at": time.time(), "seed": asked.seed, **asdict(night)}) + "\n")
    heads = ["cell", "truth", "nights", "found", "false", "time, median", "rounds, median", "holds", "named"]
    print(table(heads, [each.row() for each in scores]))
    problems = [problem for score in scores for problem in _problems(score)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _faults(cells: Sequence[Cell], asked: argparse.Namespace) -> Faults:
    """What takes how long before anything is slowed."""
    p50_s = {}
    for kind in dict.fromkeys(cell.kind for cell in cells if cell.size):
        with standing(Faults.least(kind), Faults.least(kind)) as stand:
            p50_s[kind] = stand.known(asked.truth, str(asked.seed)).p50_s
        print(f"{kind}: the sessions list takes {p50_s[kind] * 1e3:.2f} ms (median)", flush=True)
    return Faults(p50_s)


def _nights(
    cell: Cell, faults: Faults, asked: argparse.Namespace, core: int, calibration: Calibration
) -> Iterator[Night]:
    for first in range(0, cell.nights, NIGHTS_OF_A_PAIR):
        seed = f"{asked.seed} {cell.name} {first}"
        with standing(Faults.least(cell.kind), faults.of(cell.kind, cell.size)) as stand:
            with nullcontext() if asked.quiet or cell.metric == "p50_s" else burning(core, f"{seed} truth"):
                truth = stand.known(asked.truth, seed).ratios[cell.metric]
            with nullcontext() if asked.quiet else burning(core, seed):
                for number in range(first, min(cell.nights, first + NIGHTS_OF_A_PAIR)):
                    turned = not cell.size and number % 2 == 1
                    night_seed = f"{asked.seed} {cell.name} {number}"
                    on, true = (stand.turned(), truth.turned()) if turned else (stand, truth)
                    as_shipped = not cell.size and number // 2 % 2 == 1
                    judged = [_judged(name, on, as_shipped, night_seed, calibration) for name in (SLOWED, UNTOUCHED)]
                    yield Night(cell, *judged, true)


def _judged(name: str, stand: Stand, as_shipped: bool, seed: str, calibration: Calibration) -> Judged:
    began_s = time.perf_counter()
    settings = read_settings(processes=1)
    context = replace(RunContext.from_settings(settings), target=stand.candidate, reference=stand.reference)
    measurements, pairing = drive(context, scenario(name, as_shipped), calibration, f"{seed} {name}")
    seconds = time.perf_counter() - began_s
    if pairing is None or pairing.problem:
        raise SystemExit(f"{name}: not measured beside its reference: {pairing and pairing.problem}")
    beside = {name: ReferenceRounds(pairing, "reference", context.round_budget)}
    (verdict,) = compare_run(
        judge_run([name], measurements, {}, []), measurements, KnownHistory(references=beside)
    ).verdicts
    return Judged(
        scenario=name,
        verdict=verdict.verdict,
        claims=[finding.sentence for finding in verdict.findings if finding.kind in _CLAIMS],
        causes=[finding.code for finding in verdict.findings if finding.kind is FindingKind.DIAGNOSIS],
        doubts=[finding.sentence for finding in verdict.findings if finding.kind in _DOUBTS],
        rounds=len(pairing.round_ratios[0].saturated),
        saturated=sum(pairing.round_ratios[0].saturated),
        seconds=seconds,
        intervals={
            comparison.metric: (comparison.ratio, comparison.low, comparison.high) for comparison in verdict.comparisons
        },
    )


def _problems(score: Score) -> Iterator[str]:
    """What is asked and doesn't hold."""
    name, number = score.cell.name, len(score.nights)
    if score.false:
        yield f"{name}: {score.false} false claims in {number} nights; none is asked"
    if name != "cpu+10":
        return
    least = _SHARE_ASKED * number
    holds, known = score.holding
    for what, share in (("found", score.found), ("named", score.named)):
        if share < least:
            yield f"{name}: {share} of {number} nights {what}; {least:.0f} asked"
    if holds < _SHARE_ASKED * known:
        yield f"{name}: {holds} of {known} intervals hold the truth"


def _cells(asked: argparse.Namespace) -> Sequence[Cell]:
    cells = [Cell("none", 0.0, asked.nights or 40)]
    cells += [Cell(kind, size, asked.nights or 20) for kind in ("cpu", "query", "tenth") for size in SIZES]
    if asked.asked:
        return [Cell("none", 0.0, asked.nights or 40), Cell("cpu", 0.10, asked.nights or 10)]
    named = {cell.name: cell for cell in cells}
    if unknown := set(asked.cells) - set(named):
        raise SystemExit(f"no such cells: {', '.join(sorted(unknown))}; there are {', '.join(named)}")
    return [named[cell] for cell in asked.cells] or cells


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, help="in each cell; 20 when not given, 40 without a slowdown")
    parser.add_argument("--cells", nargs="+", default=[], help="only these: none, cpu+10, query+5, tenth+20, ...")
    parser.add_argument("--asked", action="store_true", help="only what is asked: 40 nights none, 10 nights cpu+10")
    parser.add_argument("--quiet", action="store_true", help="without the neighbour")
    parser.add_argument("--truth", type=float, default=30.0, help="seconds in which the truth is measured")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same order")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; the nights that ended are kept")
