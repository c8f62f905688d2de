"""Paired runs of the shipped API on this machine, with a slowdown injected into one build: found, and false alarms.

    make benchmark-verdict-live

A run drives two endpoints in rounds against two builds of the shipped API and judges them by the product's own code,
with the diagnosis: the sessions list, which `APP_FAULTS` slows in the candidate, and the configuration, which nothing
slows. Meanwhile another process loads the load generator's core at random, in spans of 0.05 to 3 s.

    cpu      Every request computes more: x % of what the reference's median request takes.
    query    Every request's first statement takes longer by as much.
    tenth    One request of ten computes ten times as much, so that the mean rises by x %: the median stays, the tail
             shifts. The reference has the same fault of 0.001 ms, so that nothing but its size makes the difference.
    none     Two equal builds, each the reference in every other run, and in every other pair of runs with the load that
             is shipped.

One worker sends the requests (but for the shipped load of `none`), so that a request's time is the API's own. With ten
workers requests wait for each other: +10 % of a request's own time is then anything from 1 % to 10 % of its response
time, and a statement that sleeps longer isn't seen at all while they wait for the processor.

    truth    The ratio that the run's interval must contain: p50's, or p95's for `tenth`. It is measured with these very
             two processes before their runs, for `--truth` seconds without the other process (p95: with it; it makes
             most of the tail, of which a slowdown is then a smaller share). It is the median of the rounds, which is
             not the verdict's own estimate. Two equal builds are two processes too, and differ by about 1 %.
    found    Runs in which the slowed endpoint regressed.
    false    Regressions and improvements claimed of what is not slowed.
    holds    Runs whose interval contains the truth.
    named    Runs found with the right cause: the target's own code, or the database.

A line a run as it ends, which is kept as JSON in `var/benchmarks/verdict_live.jsonl`. Ends with 1 where a limit doesn't
hold: no false claim in 40 runs of equal builds; 9 of 10 runs of +10 % CPU found, with the right cause and an interval
that contains the truth.
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
from benchmarks.verdict.live_score import Faults, JudgedScenario, LiveCell, LiveRun, LiveScore
from benchmarks.verdict.stand import SLOWED, UNTOUCHED, VAR, Builds, generator_core, scenario, start_builds
from loadtasks.engine.generator.calibration import calibrate
from loadtasks.measurement.health import Calibration
from loadtasks.report.sentences import sentence
from loadtasks.results.findings.codes import FindingKind
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext, Turn
from loadtasks.steps.exercise import drive
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.reference.findings import ReferenceRounds

SIZES = (0.05, 0.10, 0.20)
RUNS_OF_A_PAIR = 10
"""Runs for which the same two processes are driven."""
_CLAIMS = (FindingKind.REGRESSION, FindingKind.IMPROVEMENT)
_REMARKS = (FindingKind.VALIDITY, FindingKind.HISTORY)
_MIN_SHARE = 0.9


def main() -> int:
    """Run the cells, print the table and the limits that don't hold."""
    arguments = _arguments()
    # The builds are stopped with it. The event loop heeds SIGINT alone; a shell in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    cells = _cells(arguments)
    core = generator_core()
    print(f"{machine()}; seed {arguments.seed}; at most {read_settings().rounds} rounds of a scenario", flush=True)
    calibration = calibrate()
    faults = _faults(cells, arguments)
    VAR.mkdir(parents=True, exist_ok=True)
    scores = []
    for cell in cells:
        score = LiveScore(cell)
        scores.append(score)
        for run in _runs(cell, faults, arguments, core, calibration):
            score.runs.append(run)
            print(run.line(len(score.runs)), flush=True)
            with (VAR / "verdict_live.jsonl").open("a") as lines:
                lines.write(json.dumps({"at": time.time(), "seed": arguments.seed, **asdict(run)}) + "\n")
    heads = ["cell", "truth", "runs", "found", "false", "time, median", "rounds, median", "holds", "named"]
    print(table(heads, [score.row() for score in scores]))
    problems = [problem for score in scores for problem in _problems(score)]
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _faults(cells: Sequence[LiveCell], arguments: argparse.Namespace) -> Faults:
    """How long a request takes before anything is slowed, by kind of fault."""
    p50_s = {}
    for kind in dict.fromkeys(cell.kind for cell in cells if cell.size):
        with start_builds(Faults.of_reference(kind), Faults.of_reference(kind)) as builds:
            p50_s[kind] = builds.measure_truth(arguments.truth, str(arguments.seed)).p50_s
        print(f"{kind}: the sessions list takes {p50_s[kind] * 1e3:.2f} ms (median)", flush=True)
    return Faults(p50_s)


def _runs(
    cell: LiveCell, faults: Faults, arguments: argparse.Namespace, core: int, calibration: Calibration
) -> Iterator[LiveRun]:
    for first in range(0, cell.runs, RUNS_OF_A_PAIR):
        seed = f"{arguments.seed} {cell.name} {first}"
        with start_builds(Faults.of_reference(cell.kind), faults.of_candidate(cell.kind, cell.size)) as builds:
            with nullcontext() if arguments.quiet or cell.metric == "p50_s" else burning(core, f"{seed} truth"):
                truth = builds.measure_truth(arguments.truth, seed).ratios[cell.metric]
            with nullcontext() if arguments.quiet else burning(core, seed):
                for number in range(first, min(cell.runs, first + RUNS_OF_A_PAIR)):
                    swapped = not cell.size and number % 2 == 1
                    run_seed = f"{arguments.seed} {cell.name} {number}"
                    pair, true = (builds.swapped(), truth.swapped()) if swapped else (builds, truth)
                    as_shipped = not cell.size and number // 2 % 2 == 1
                    judged = [_judge(name, pair, as_shipped, run_seed, calibration) for name in (SLOWED, UNTOUCHED)]
                    yield LiveRun(cell, *judged, true)


def _judge(name: str, builds: Builds, as_shipped: bool, seed: str, calibration: Calibration) -> JudgedScenario:
    began_s = time.perf_counter()
    context = replace(
        RunContext.from_settings(read_settings(processes=1)), target=builds.candidate, reference=builds.reference
    )
    turn = Turn.only(name, seed, context.round_budget)
    measurements, pairing = drive(context, scenario(name, as_shipped), calibration, turn)
    seconds = time.perf_counter() - began_s
    if pairing is None or pairing.problem:
        raise SystemExit(f"{name}: not measured with its reference: {pairing and pairing.problem}")
    rounds = {name: ReferenceRounds(pairing, "reference", context.round_budget)}
    (verdict,) = compare_run(
        judge_run([name], measurements, {}, []), measurements, KnownHistory(references=rounds)
    ).verdicts
    return JudgedScenario(
        scenario=name,
        verdict=verdict.verdict,
        claims=[sentence(finding) for finding in verdict.findings if finding.kind in _CLAIMS],
        causes=[finding.code for finding in verdict.findings if finding.kind is FindingKind.DIAGNOSIS],
        remarks=[sentence(finding) for finding in verdict.findings if finding.kind in _REMARKS],
        rounds=len(pairing.round_ratios[0].saturated),
        saturated=sum(pairing.round_ratios[0].saturated),
        seconds=seconds,
        intervals={
            comparison.metric: (comparison.ratio, comparison.low, comparison.high) for comparison in verdict.comparisons
        },
    )


def _problems(score: LiveScore) -> Iterator[str]:
    """The limits that don't hold."""
    name, number = score.cell.name, len(score.runs)
    if score.false:
        yield f"{name}: {score.false} false claims in {number} runs; the limit is 0"
    if name != "cpu+10":
        return
    minimum = _MIN_SHARE * number
    holds, known = score.holding
    for what, share in (("found", score.found), ("named", score.named)):
        if share < minimum:
            yield f"{name}: {share} of {number} runs {what}; the limit is {minimum:.0f}"
    if holds < _MIN_SHARE * known:
        yield f"{name}: {holds} of {known} intervals contain the truth"


def _cells(arguments: argparse.Namespace) -> Sequence[LiveCell]:
    cells = [LiveCell("none", 0.0, arguments.runs or 40)]
    cells += [LiveCell(kind, size, arguments.runs or 20) for kind in ("cpu", "query", "tenth") for size in SIZES]
    if arguments.required:
        return [LiveCell("none", 0.0, arguments.runs or 40), LiveCell("cpu", 0.10, arguments.runs or 10)]
    named = {cell.name: cell for cell in cells}
    if unknown := set(arguments.cells) - set(named):
        raise SystemExit(f"no such cells: {', '.join(sorted(unknown))}; there are {', '.join(named)}")
    return [named[cell] for cell in arguments.cells] or cells


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, help="in each cell; 20 when not given, 40 without a slowdown")
    parser.add_argument("--cells", nargs="+", default=[], help="only these: none, cpu+10, query+5, tenth+20, ...")
    parser.add_argument("--required", action="store_true", help="only the cells with limits: none, cpu+10")
    parser.add_argument("--quiet", action="store_true", help="without the other process")
    parser.add_argument("--truth", type=float, default=30.0, help="seconds in which the truth is measured")
    parser.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same order")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; the runs that ended are kept")
