"""Pull requests of the shipped API, each compared with its base as CI does it, next to a process busy at random.

    python -m benchmarks.verdict.pull_requests              all that have no result yet
    python -m benchmarks.verdict.pull_requests --number 4   only so many of them
    python -m benchmarks.verdict.pull_requests cpu break    only those whose name has one of these texts
    python -m benchmarks.verdict.pull_requests --table      only the table of what is kept

Twenty change nothing, ten compute 10 % of a request's time in addition for one endpoint, and three drop the indexes of
a query, switch the cache off, and break an endpoint. Each is a changed copy of app/ that `compare-builds` compares with
the unchanged one: all shipped scenarios, its default budget of time. Meanwhile another process loads the machine at
random, in spans of 0.05 to 3 s, on whatever core the system gives it.

What 10 % of a request's time is, is measured first: the median of one worker on the unchanged API.

A line for each as it ends, which is kept as JSON in `var/benchmarks/pull_requests.jsonl`; those that are there are not
run again (delete the file to begin anew). At the end the table:

    found    The scenarios with a regression or a missed target.
    ratio    The largest of the regressions of the endpoint that was changed, with its interval.
    right    Nothing found where nothing changed; else the endpoint that was changed and no other, with the right cause.

Ends with 1 where a limit doesn't hold: nothing found in those that change nothing; 9 of 10 slower ones right, and all
three others; no comparison longer than 6 minutes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass
from pathlib import Path
from timeit import timeit

from benchmarks.engine.bench import machine, table
from benchmarks.verdict.burner import burning
from benchmarks.verdict.made_pull_requests import ALL, BROKEN, HARMLESS, SLOWER, PullRequest, source_with
from benchmarks.verdict.stand import VAR, start_builds
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.results.document import ResultsDocument, ScenarioResult, read_document
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.reference import Inconclusive
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario
from scripts import PROJECT

KEPT = VAR / "pull_requests.jsonl"
_FOLDER = VAR / "pull_requests"
_SCENARIO = {
    "dashboard": "dashboard.concurrent",
    "sessions": "sessions.concurrent",
    "config_get": "config_get.concurrent",
    "config_put": "config_put.sequential",
}
"""By endpoint: the scenario whose requests say how long one takes."""
_CALIBRATION_REQUESTS = 200
_STEPS = 100_000
_BAD = (FindingKind.REGRESSION, FindingKind.TARGET)
_MAX_MINUTES = 6.0
_MIN_SLOWER = 9


@dataclass(frozen=True)
class Compared:
    """What the comparison of one pull request found."""

    name: str
    commit: str
    exit_code: int
    verdict: str
    found: list[str]
    """The scenarios with a regression or a missed target."""
    ratio: tuple[float, float | None, float | None] | None
    """The largest regression of the changed endpoint's own scenarios, with its interval."""
    causes: list[str]
    """Of the scenarios found."""
    inconclusive: int
    invalid: list[str]
    seconds: float
    up_s: float
    """Until the run was opened: builds, and what comes before."""
    rounds: dict[str, int]

    def is_right(self, pull_request: PullRequest) -> bool:
        """Whether it found what there is, and nothing else. A mixed scenario has a part of every endpoint."""
        own = [name for name in self.found if name.startswith(pull_request.scenarios)]
        others = [name for name in self.found if name not in own and not name.startswith(("mixed.", "rate_limits."))]
        if not pull_request.endpoint:
            return not self.found
        also = pull_request.name.startswith(("switch", "drop"))  # these change more than one endpoint
        return bool(own) and (also or not others) and any(cause in self.causes for cause in pull_request.causes)


def main() -> int:
    """Compare those that are chosen, and print the table."""
    arguments = _arguments()
    # The event loop heeds SIGINT alone; a shell in the background has it ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    known = _kept()
    waiting = [pull_request for pull_request in _chosen(arguments.names) if pull_request.name not in known]
    waiting = [] if arguments.table else waiting[: arguments.number]
    if waiting:
        commit = next((compared.commit for compared in known.values()), "") or _head()
        print(f"{machine()}; seed {arguments.seed}; {len(waiting)} to compare with {commit[:12]}", flush=True)
        base = _base(commit)
        steps = _steps_per_request(base)
        for pull_request in waiting:
            source_with(pull_request, base, _FOLDER / "source", steps.get(pull_request.endpoint, 0))
            with nullcontext() if arguments.quiet else burning(None, f"{arguments.seed} {pull_request.name}"):
                compared = _compare(pull_request, commit)
            known[pull_request.name] = compared
            with KEPT.open("a") as lines:
                lines.write(json.dumps({"at": time.time(), **asdict(compared)}) + "\n")
            print(" | ".join(_row(pull_request, compared)), flush=True)
    heads = ["pull request", "verdict", "found", "ratio", "causes", "inconclusive", "minutes", "right"]
    rows = [_row(pull_request, known[pull_request.name]) for pull_request in ALL if pull_request.name in known]
    print(table(heads, rows))
    problems = _problems(known)
    print("\n".join(problems))
    return 1 if problems else 0


def _compare(pull_request: PullRequest, commit: str) -> Compared:
    began_s, var = time.monotonic(), _FOLDER / "run"
    command = [sys.executable, "-m", "scripts.paired_builds", "--reference", commit]
    command += ["--candidate-source", str(_FOLDER / "source")]
    with (_FOLDER / "output.log").open("a") as output:
        output.write(f"\n=== {pull_request.name}\n")
        output.flush()
        environment = {**os.environ, "LOADTASKS_VAR": str(var), "APP_REVISION": "changed"}
        process = subprocess.Popen(
            command, cwd=PROJECT, env=environment, stdin=subprocess.DEVNULL, stdout=output, stderr=output
        )
        try:
            code = process.wait()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGTERM)
            process.wait()
            raise
    document = read_document(var / "reports" / "latest" / "results.json")
    bad = [result for result in document.scenarios if any(finding.kind in _BAD for finding in _misses(result))]
    seconds = time.monotonic() - began_s
    return Compared(
        name=pull_request.name,
        commit=commit,
        exit_code=code,
        verdict=document.verdict.value,
        found=[result.scenario for result in bad],
        ratio=_ratio(document, pull_request),
        causes=[f.code.value for result in bad for f in result.findings if f.kind is FindingKind.DIAGNOSIS],
        inconclusive=sum(
            any(isinstance(finding.parameters, Inconclusive) for finding in result.findings)
            for result in document.scenarios
        ),
        invalid=[result.scenario for result in document.scenarios if result.verdict.value == "invalid"],
        seconds=seconds,
        up_s=seconds - _load_s(document),
        rounds={
            result.scenario: len(result.round_ratios[0].saturated)
            for result in document.scenarios
            if result.round_ratios
        },
    )


def _misses(result: ScenarioResult) -> list:  # type: ignore[type-arg]
    return [finding for finding in result.findings if finding.kind is FindingKind.REGRESSION or finding.misses_target]


def _load_s(document: ResultsDocument) -> float:
    begins = [m.started_at for result in document.scenarios for m in result.measurements]
    ended = document.run.ended_at
    return (ended - min(begins)).total_seconds() if begins and ended else 0.0


def _ratio(document: ResultsDocument, pull_request: PullRequest) -> tuple[float, float | None, float | None] | None:
    ratios = [
        (comparison.ratio, comparison.low, comparison.high)
        for result in document.scenarios
        if result.scenario.startswith(pull_request.scenarios)
        for comparison in result.comparisons
        if comparison.metric == "p50_s" and not comparison.part and comparison.ratio is not None
    ]
    return max(ratios, key=lambda ratio: ratio[0]) if ratios and pull_request.endpoint else None


def _row(pull_request: PullRequest, compared: Compared) -> list[str]:
    ratio = ""
    if compared.ratio is not None:
        value, low, high = compared.ratio
        interval = f" ({low - 1:+.1%} to {high - 1:+.1%})" if low is not None and high is not None else ""
        ratio = f"{value - 1:+.1%}{interval}"
    invalid = f", {len(compared.invalid)} invalid" if compared.invalid else ""
    return [
        compared.name,
        f"{compared.verdict} ({compared.exit_code}{invalid})",
        ", ".join(compared.found),
        ratio,
        ", ".join(dict.fromkeys(compared.causes)),
        str(compared.inconclusive),
        f"{compared.seconds / 60:.1f}",
        "yes" if compared.is_right(pull_request) else "NO",
    ]


def _problems(known: dict[str, Compared]) -> list[str]:
    """The limits that don't hold."""
    problems = []
    for what, group, minimum in (
        ("changing nothing", HARMLESS, len(HARMLESS)),
        ("slower", SLOWER, _MIN_SLOWER),
        ("broken", BROKEN, len(BROKEN)),
    ):
        done = [pull_request for pull_request in group if pull_request.name in known]
        wrong = [pull_request.name for pull_request in done if not known[pull_request.name].is_right(pull_request)]
        if len(wrong) > len(group) - minimum:
            problems.append(f"{what}: {len(wrong)} of {len(done)} wrong: {', '.join(wrong)}")
    minutes = sorted(compared.seconds / 60 for compared in known.values())
    if minutes:
        print(f"minutes: median {minutes[len(minutes) // 2]:.1f}, highest {minutes[-1]:.1f}")
        if minutes[-1] > _MAX_MINUTES:
            problems.append(f"one took {minutes[-1]:.1f} minutes; the limit is {_MAX_MINUTES:g}")
    return problems


def _steps_per_request(base: Path) -> dict[str, int]:
    """By endpoint: how many steps of the additional work take 10 % of a request's time."""
    code = compile("sum(number * number for number in range(steps))", "work", "eval")
    step_s = min(timeit(lambda: eval(code, {"steps": _STEPS}), number=1) for _ in range(20)) / _STEPS
    scenarios = read_scenarios(PROJECT / "scenarios")
    steps = {}
    with start_builds("", "") as builds:
        for endpoint, name in _SCENARIO.items():
            chosen = scenarios[name]
            assert isinstance(chosen, HttpScenario)
            one_by_one = chosen.model_copy(update={"load": ClosedLoad(workers=1, requests=_CALIBRATION_REQUESTS)})
            p50_s = run_scenario(one_by_one, builds.candidate)[0].p50_s or 0.0
            steps[endpoint] = round(0.1 * p50_s / step_s)
            print(f"{endpoint}: a request takes {p50_s * 1e3:.2f} ms; 10 % are {steps[endpoint]} steps", flush=True)
    return steps


def _base(commit: str) -> Path:
    """The folder with the unchanged source."""
    folder = _FOLDER / "base"
    folder.mkdir(parents=True, exist_ok=True)
    archive = subprocess.run(["git", "archive", commit, "app"], cwd=PROJECT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-x", "-C", str(folder)], input=archive, check=True)
    return folder


def _head() -> str:
    done = subprocess.run(["git", "rev-parse", "HEAD"], cwd=PROJECT, capture_output=True, check=True, text=True)
    return done.stdout.strip()


def _kept() -> dict[str, Compared]:
    """What earlier runs found, by name."""
    lines = KEPT.read_text().splitlines() if KEPT.exists() else []
    rows = [json.loads(line) for line in lines]
    return {row["name"]: Compared(**{key: value for key, value in row.items() if key != "at"}) for row in rows}


def _chosen(names: Sequence[str]) -> list[PullRequest]:
    chosen = [one for one in ALL if not names or any(name in one.name for name in names)]
    if not chosen:
        raise SystemExit(f"no such pull requests; there are {', '.join(one.name for one in ALL)}")
    return chosen


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="texts of which the name has one; all when not given")
    parser.add_argument("--number", type=int, help="at most so many of those that have no result yet")
    parser.add_argument("--table", action="store_true", help="only the table of what is kept")
    parser.add_argument("--quiet", action="store_true", help="without the other process")
    parser.add_argument("--seed", type=int, default=1, help="the same makes the same spans of the other process")
    return parser.parse_args()


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit("stopped; what has ended is kept")
