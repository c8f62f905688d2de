"""Two results files of the shipped API on this machine, one of them slowed on purpose: what is claimed.

    python -m benchmarks.verdict.two_files_live

Each file is a run of five shipped scenarios against an API that was started for it, on a core of its own; what is
invalid is repeated, as in a run. The list of sessions is slowed by an injected `cpu` fault of 0, 10, 50 or
300 % of the time that a request takes, and the files are compared by the product's own code with the prior alone. Other
processes of the machine are left as they are. About half a minute a pair.
"""

import argparse
import os
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.engine.bench import table
from benchmarks.verdict.stand import SLOWED, scenario
from loadtasks.builds.cores import SHARED, chosen_cores
from loadtasks.builds.held_build import free_port
from loadtasks.engine.generator.calibration import calibrate
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.metrics import metric_label
from loadtasks.measurement.model import Measurement
from loadtasks.report.sentences import sentence
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.judgement import Verdict
from loadtasks.results.run import Run
from loadtasks.verdict import validity
from loadtasks.verdict.compare_documents import compare_documents
from loadtasks.verdict.judge_run import judge_run
from scripts.approved_build import fresh_database
from scripts.services import Services
from scripts.shipped_api import SERVICE, ApiInstance, ShippedApi

SCENARIOS = (SLOWED, "sessions.filtered", "config_get.concurrent", "config_put.sequential", "dashboard.concurrent")
SIZES = (0.0, 0.1, 0.5, 3.0)
_SETTINGS = {"APP_REDIS_URL": "", "APP_REPLICA_URL": ""}
_TRIES = 6
_CLAIMS = (FindingKind.REGRESSION, FindingKind.IMPROVEMENT)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--pairs", type=int, default=3, help="of each slowdown; without one twice as many")
    options.add_argument("--sizes", type=float, nargs="+", default=list(SIZES), help="slowdowns: 0.1 is 10 %%")
    arguments = options.parse_args()
    rows = []
    for size in arguments.sizes:
        for number in range(arguments.pairs if size else 2 * arguments.pairs):
            before = _run(f"baseline-{number}", "")
            cost_s = size / (before.scenarios[0].measurements[0].throughput_per_s or 1.0)
            now = _run(f"cpu-{number}", f"sessions:cpu={cost_s * 1e3:.4f}ms" if size else "")
            for result in compare_documents(now, before).scenarios:
                if result.scenario == SLOWED or _claimed(result):
                    rows.append([f"+{size:.0%}", str(number + 1), result.scenario, *_row(result)])
                    print(rows[-1], flush=True)
    print(table(["cpu fault", "pair", "scenario", "p50", "interval", "verdict", "claimed", "causes"], rows))


def _claimed(result: ScenarioResult) -> list[str]:
    return [metric_label(finding.metric) for finding in result.findings if finding.kind in _CLAIMS]


def _row(result: ScenarioResult) -> Iterator[str]:
    median = next((comparison for comparison in result.comparisons if comparison.metric == "p50_s"), None)
    yield f"{median.ratio:.2f}x" if median is not None else ""
    yield f"{median.low:.2f}x to {median.high:.2f}x" if median is not None else "not compared"
    inconclusive = any(finding.code is FindingCode.OTHER_RUN_INCONCLUSIVE for finding in result.findings)
    yield "inconclusive" if result.verdict is Verdict.PASS and inconclusive else result.verdict.value
    yield ", ".join(_claimed(result)) or "nothing"
    causes = [sentence(finding) for finding in result.findings if finding.kind is FindingKind.DIAGNOSIS]
    yield "; ".join(causes) or "none"


def _run(run_id: str, faults: str) -> ResultsDocument:
    """A run of all scenarios against an API with these faults, which is stopped at the end."""
    with TemporaryDirectory(prefix="two-files-") as folder, Services(Path(folder) / "logs") as services:
        instance = ApiInstance(
            database_url=fresh_database(Path(folder), "api"),
            port=free_port(),
            settings={"APP_FAULTS": faults, **_SETTINGS},
        )
        available = os.sched_getaffinity(0)
        os.sched_setaffinity(0, chosen_cores(SHARED) or available)  # which what is started inherits
        try:
            api = ShippedApi.start(services, instance)
        finally:
            os.sched_setaffinity(0, available)
        target, calibration = Target(api.url, api.token), calibrate()
        measured = [_measured(name, target, calibration) for name in SCENARIOS]
    return _document(run_id, measured)


def _measured(name: str, target: Target, calibration: Calibration) -> Sequence[Measurement]:
    """A scenario's measurement; the first valid one of at most `_TRIES`."""
    for _ in range(_TRIES - 1):
        made = run_scenario(scenario(name, shipped_load=True), target, calibration=calibration)
        if not list(validity.findings(name, made, {})):
            return made
    return run_scenario(scenario(name, shipped_load=True), target, calibration=calibration)


def _document(run_id: str, measured: Sequence[Sequence[Measurement]]) -> ResultsDocument:
    now = datetime.fromtimestamp(time.time(), UTC)
    verdicts = judge_run(list(SCENARIOS), [one for of_scenario in measured for one in of_scenario], {}, [])
    results = [
        ScenarioResult(
            scenario=judged.scenario,
            endpoint=own[0].endpoint,
            verdict=judged.verdict,
            findings=judged.findings,
            measurements=list(own),
        )
        for judged, own in zip(verdicts, measured, strict=True)
    ]
    run = Run(
        id=run_id,
        started_at=now,
        trigger="benchmark",
        target_url="http://127.0.0.1",
        service=SERVICE,
        generator="here",
        scenarios=list(SCENARIOS),
    )
    return ResultsDocument(run=run, verdict=Verdict.PASS, scenarios=results)


if __name__ == "__main__":
    main()
