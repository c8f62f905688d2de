"""What controls excuse, and what they don't: real runs of the shipped API, next to a neighbour that becomes busy.

    python -m benchmarks.verdict.control_live

Runs of the whole pipeline: six small scenarios of the shipped API, one request at a time, and the control that each run
measures, the null server. After a baseline of 30 runs, each of these goes on from a copy of it:

    neighbour    Busy processes begin next to it, and stay: the environment has changed, and nothing has regressed.
    beyond       The same, and one endpoint computes 10 % longer from the same run on: that one regresses, within 10
                 runs, and no other.
    all          No neighbour, and every endpoint computes 10 % longer: one regression, of all scenarios.

A line a run. Ends with 1 where one of these doesn't hold. About 12 minutes. What else is busy on the machine meanwhile
makes the control less precise; the table says how precise it was.
"""

import argparse
import json
import math
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.engine.bench import machine, table
from benchmarks.pipeline_run import run_pipeline
from loadtasks.builds.held_build import free_port
from loadtasks.measurement.control import NULL_SERVER
from loadtasks.results.assembly import assemble
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.regression import grouped
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from scripts.approved_build import fresh_database
from scripts.services import Services
from scripts.shipped_api import HEALTH_PATH, ApiInstance, ShippedApi

SERVICE, SLOWED = "control-live", "dashboard.all"
_SESSIONS = "/api/v1/optimization/sessions"
REQUESTS: Mapping[str, tuple[str, Mapping[str, object]]] = {
    "sessions": (_SESSIONS, {}),
    "completed": (_SESSIONS, {"status": "completed", "page_size": 20}),
    "fastest": (_SESSIONS, {"sort": "-speedup", "page_size": 50}),
    "pages": (_SESSIONS, {"page": 50, "page_size": 100}),
    "dashboard": ("/api/v1/dashboard/stats", {}),
    "config_get": ("/api/v1/config/optimization-criteria", {}),
}
_ROUTES = {"dashboard": "dashboard", "config_get": "config"}
"""The route of each endpoint in APP_FAULTS; `sessions` for the others."""
_STEP, _MAX_RUNS = 0.10, 10
_APP = {"APP_CACHE": "off", "APP_REDIS_URL": "", "APP_REPLICA_URL": ""}
_BUSY = "while True: pass"


@dataclass
class Pipeline:
    """A workspace with the scenarios, and its runs so far."""

    folder: Path
    load: int
    """Requests of a scenario."""
    runs: int = 0
    documents: list[ResultsDocument] = field(default_factory=list)

    def __post_init__(self) -> None:
        for name in ("scenarios", "expectations"):
            (self.folder / name).mkdir(parents=True, exist_ok=True)
        for name, (path, query) in REQUESTS.items():
            scenario = {
                "endpoint": name,
                "request": {"path": path, "query": query},
                "scenarios": {"all": {"load": {"workers": 1, "requests": self.load}}},
            }
            (self.folder / "scenarios" / f"{name}.yaml").write_text(json.dumps(scenario))

    def run(self, api: ShippedApi) -> ResultsDocument:
        """One run, as the command line makes it."""
        context, run_id, self.runs = self._context(api), f"run-{self.runs + 1:03d}", self.runs + 1
        run_pipeline(context, run_id, trigger="benchmark")
        with Store.open(context.workspace.results_url) as store:
            document = assemble(store, run_id)
        self.documents.append(document)
        return document

    def open_regressions(self, api: ShippedApi) -> list[list[str]]:
        """The open regressions as people know them: the scenarios of each."""
        with Store.open(self._context(api).workspace.results_url) as store:
            groups = grouped(store.regressions.all(SERVICE, ended=False))
        return [[member.label for member in members] for members in groups]

    def p50_s(self, scenario: str) -> float:
        """The median of a scenario over all runs."""
        results = (result for document in self.documents for result in document.scenarios)
        return float(np.median([one.measurements[0].p50_s for one in results if one.scenario == scenario]))

    def copied_to(self, folder: Path) -> "Pipeline":
        """A copy whose runs go their own way."""
        shutil.copytree(self.folder, folder)
        return Pipeline(folder, self.load, self.runs, list(self.documents))

    def _context(self, api: ShippedApi) -> RunContext:
        return RunContext.from_settings(
            read_settings(
                target=api.url,
                token=api.token,
                health_path=HEALTH_PATH,
                service=SERVICE,
                scenarios=self.folder / "scenarios",
                expectations=self.folder / "expectations",
                var=self.folder / "var",
            )
        )


def main() -> int:
    """Make the runs; print the table and what doesn't hold."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--baseline", type=int, default=30, help="runs before anything changes")
    options.add_argument("--requests", type=int, default=100, help="requests of a scenario")
    options.add_argument("--neighbours", type=int, default=2, help="busy processes")
    options.add_argument("--cells", nargs="*", default=["neighbour", "beyond", "all"])
    arguments = options.parse_args()
    # What it started is stopped with it; a shell in the background has SIGINT ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    print(machine(), flush=True)
    rows, problems = [], []
    with TemporaryDirectory(prefix="control-live-") as folder:
        baseline = Pipeline(Path(folder) / "baseline", arguments.requests)
        with _serving(Path(folder), "") as api:
            while baseline.runs < arguments.baseline:
                _show("baseline", baseline.run(api))
            if false := baseline.open_regressions(api):
                problems.append(f"baseline: {false}")
        for cell in arguments.cells:
            pipeline = baseline.copied_to(Path(folder) / cell)
            with _serving(Path(folder), _faults(cell, baseline)) as api:
                with _busy(0 if cell == "all" else arguments.neighbours):
                    made = [pipeline.run(api) for _ in _shown(cell, pipeline)]
                found = pipeline.open_regressions(api)
            changed = sum(bool(_codes(document)[FindingCode.ENVIRONMENT_CHANGED]) for document in made)
            rows.append([cell, _moved(made), f"{changed} of {len(made)}", _found_in(made), str(found)])
            problems += _problems(cell, found, changed)
    print(table(["cell", "control", "environment changed in", "found in run", "open regressions"], rows))
    for problem in problems:
        print(problem)
    return 1 if problems else 0


def _shown(cell: str, pipeline: Pipeline) -> Iterator[None]:
    """A turn for each run, which is shown when it is made."""
    for _ in range(_MAX_RUNS):
        yield
        _show(cell, pipeline.documents[-1])


def _show(cell: str, document: ResultsDocument) -> None:
    control = next((one for one in document.run.controls.readings if one.name == NULL_SERVER), None)
    said = f"{control.observed_s * 1e6:.1f} us, scale {control.scale or math.nan:.3f}" if control else "no control"
    codes = {code.value: names for code, names in _codes(document).items() if names}
    medians = " ".join(f"{(one.measurements[0].p50_s or 0) * 1e3:.2f}" for one in document.scenarios)
    print(f"{cell} {document.run.id} {document.verdict.value}: {said}; {medians}; {codes}", flush=True)


def _codes(document: ResultsDocument) -> dict[FindingCode, list[str]]:
    shown = (
        FindingCode.REGRESSION,
        FindingCode.IMPROVEMENT,
        FindingCode.ENVIRONMENT_CHANGED,
        FindingCode.SUSPECTED,
        FindingCode.RECOVERED,
    )
    return {
        code: [
            f"{result.endpoint} {finding.metric} {getattr(finding.parameters, 'ratio', math.nan):.2f}"
            for result in document.scenarios
            for finding in result.findings
            if finding.code is code
        ]
        for code in shown
    }


def _found_in(documents: Sequence[ResultsDocument]) -> str:
    """In which run the slowed endpoint was found, 1 being the first slow one; empty where it was not."""
    for number, document in enumerate(documents, 1):
        if any(name.startswith(SLOWED.partition(".")[0]) for name in _codes(document)[FindingCode.REGRESSION]):
            return str(number)
    return ""


def _moved(documents: Sequence[ResultsDocument]) -> str:
    """How far the null server was from its usual level, in the median run."""
    readings = [one for document in documents for one in document.run.controls.readings if one.name == NULL_SERVER]
    ratios = [one.observed_s / one.usual_s for one in readings if one.usual_s]
    scale = next((one.scale for one in readings if one.scale), math.nan)
    return f"{float(np.median(ratios)) - 1:+.0%} (scale {scale:.0%})" if ratios else "none"


def _problems(cell: str, found: Sequence[Sequence[str]], changed: int) -> Iterator[str]:
    expected = {"neighbour": [], "beyond": [[SLOWED]]}
    if cell == "all" and (len(found) != 1 or len(found[0]) < len(REQUESTS) - 1):
        yield f"all: {found} instead of one regression of all scenarios"
    if cell in expected and list(found) != expected[cell]:
        yield f"{cell}: {found} instead of {expected[cell]}"
    if cell in expected and not changed:
        yield f"{cell}: nothing was put down to the environment"
    if cell == "all" and changed:
        yield f"{cell}: the environment is said to have changed in {changed} runs"


def _faults(cell: str, baseline: Pipeline) -> str:
    """APP_FAULTS by which endpoints compute 10 % longer."""
    if cell == "neighbour":
        return ""
    routes: dict[str, list[float]] = {}
    for name in REQUESTS if cell == "all" else [SLOWED.partition(".")[0]]:
        routes.setdefault(_ROUTES.get(name, "sessions"), []).append(baseline.p50_s(f"{name}.all"))
    return "; ".join(f"{route}:cpu={_STEP * float(np.median(of)) * 1e3:.3f}ms" for route, of in routes.items())


@contextmanager
def _serving(folder: Path, faults: str) -> Iterator[ShippedApi]:
    """The shipped API with these faults, with a database of its own."""
    with TemporaryDirectory(dir=folder) as own, Services(Path(own) / "logs") as services:
        instance = ApiInstance(
            database_url=fresh_database(Path(own), "api"), port=free_port(), settings={"APP_FAULTS": faults, **_APP}
        )
        yield ShippedApi.start(services, instance)


@contextmanager
def _busy(number: int) -> Iterator[None]:
    """Busy processes, as nice as this one."""
    busy = [subprocess.Popen([sys.executable, "-c", _BUSY], stdin=subprocess.DEVNULL) for _ in range(number)]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


if __name__ == "__main__":
    sys.exit(main())
