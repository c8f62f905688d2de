"""A run of the product as a subprocess: its exit code, time and resident memory, and the account that it gives."""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.results.findings.codes import FindingCode
from tests.field.hostile.case import Case
from tests.field.hostile.server import hostile_target
from tests.field.hostile.tls_identity import write_authority

MAX_SECONDS = 60
MAX_PEAK_MB = 300
MAX_ADDRESS_SPACE = 3 << 30
_SUITE = {
    "name": "hostile",
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "success_rate", "min_value": 0.95},
            "severity": "critical",
        }
    ],
}
# A child's ru_maxrss begins with what its parent had when it forked: a small parent of its own keeps that out.
_MEASURE = """
import json, os, resource, sys, time
out, limit, *command = sys.argv[1:]
began = time.monotonic()
child = os.fork()
if child == 0:
    resource.setrlimit(resource.RLIMIT_AS, (int(limit), int(limit)))
    os.execv(command[0], command)
_, status, usage = os.wait4(child, 0)
with open(out, "w") as file:
    cpu_s = usage.ru_utime + usage.ru_stime
    json.dump([os.waitstatus_to_exitcode(status), time.monotonic() - began, usage.ru_maxrss / 1024, cpu_s], file)
"""


@dataclass(frozen=True)
class MeasuredRun:
    """What a run of the product showed."""

    exit_code: int | None
    """None where it had to be killed."""
    seconds: float
    peak_mb: float
    cpu_s: float
    output: str
    document: ResultsDocument | None


def run_product(
    folder: Path, url: str, scenarios: Mapping[str, Any], settings: Mapping[str, str], max_s: float = MAX_SECONDS
) -> MeasuredRun:
    """Run scenarios of the endpoint `hostile` against a target, in a folder of their own."""
    for name in ("scenarios", "expectations"):
        (folder / name).mkdir()
    file = {"endpoint": "hostile", "scenarios": dict(scenarios)}
    (folder / "scenarios" / "hostile.yaml").write_text(json.dumps(file, ensure_ascii=False), encoding="utf-8")
    (folder / "expectations" / "hostile.json").write_text(json.dumps(_SUITE))
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LOADTASKS_")}
    environment |= {"REQUESTS_CA_BUNDLE": str(write_authority(folder / "ca.pem")), "OPENBLAS_NUM_THREADS": "1"}
    environment |= {
        "LOADTASKS_VAR": str(folder / "var"),
        "PYTHONPATH": str(Path.cwd()),
        "PYTHONUNBUFFERED": "1",
        **settings,
    }
    command = [sys.executable, "-m", "loadtasks", "run", "--target", url]
    figures = folder / "figures.json"
    output = folder / "output.txt"
    with output.open("wb") as file:
        process = subprocess.Popen(
            [sys.executable, "-S", "-c", _MEASURE, str(figures), str(MAX_ADDRESS_SPACE), *command],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    began = time.monotonic()
    try:
        process.wait(timeout=max_s)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    exit_code, seconds, peak_mb, cpu_s = (
        json.loads(figures.read_text()) if figures.exists() else (None, time.monotonic() - began, float("nan"), 0.0)
    )
    results = folder / "var" / "reports" / "latest" / "results.json"
    document = read_document(results) if results.exists() else None
    return MeasuredRun(exit_code, seconds, peak_mb, cpu_s, output.read_text(errors="replace"), document)


@dataclass(frozen=True)
class Outcome:
    """A case, and what a run against it came to."""

    case: Case
    run: MeasuredRun
    account: str
    problems: Sequence[str]


def try_together(cases: Mapping[str, Case], workers: int | None = None, keep: Path | None = None) -> list[Outcome]:
    """Run the product once against cases that share a target, a scenario each; the figures are those of the whole."""
    with tempfile.TemporaryDirectory() as temporary, hostile_target(cases) as url:
        folder = keep / f"together-{next(iter(cases))}" if keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        scenarios = {case.name: case.scenario_of(workers) for case in cases.values()}
        run = run_product(folder, url, scenarios, {}, max_s=MAX_SECONDS + 5 * len(cases))
    return [Outcome(case, run, *judge(case, run, together=True)) for case in cases.values()]


def try_case(case: Case, workers: int | None = None, keep: Path | None = None) -> Outcome:
    """Run the product against one case alone."""
    with tempfile.TemporaryDirectory() as temporary, hostile_target({case.name: case}) as url:
        folder = keep / case.name if keep else Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        run = run_product(folder, url, {case.name: case.scenario_of(workers)}, case.settings)
    account, problems = judge(case, run)
    return Outcome(case, run, account, problems)


def judge(case: Case, run: MeasuredRun, *, together: bool = False) -> tuple[str, list[str]]:
    """The account of a run in short, and what is wrong with the run."""
    problems = []
    if run.exit_code is None:
        problems.append(f"hung: killed after {MAX_SECONDS} s")
    elif run.exit_code not in ((0, 1, 3) if together or _is_saturated(run) else (case.exit_code,)):
        problems.append(f"exit {run.exit_code}, expected {case.exit_code}")
    if run.peak_mb >= MAX_PEAK_MB:
        problems.append(f"{run.peak_mb:.0f} MB")
    if "Traceback" in run.output:
        problems.append("traceback")
    if run.document is None:
        return "no report", [*problems, "no report"]
    account, wrong = check_account(case, run.document)
    return account, problems + wrong


def _is_saturated(run: MeasuredRun) -> bool:
    """Whether the machine was too busy to measure, which the run says, and which makes it invalid."""
    results = run.document.scenarios if run.document is not None else []
    return any(finding.code is FindingCode.GENERATOR_SATURATED for result in results for finding in result.findings)


def check_account(case: Case, document: ResultsDocument) -> tuple[str, list[str]]:
    """The account that a results document gives of a case, in short, and what is wrong with it."""
    (result,) = [found for found in document.scenarios if found.scenario == f"hostile.{case.name}"]
    if not result.measurements:
        account = f"not measured: {', '.join(finding.code for finding in result.findings)}"
        return account, [account] if case.measured else []
    measurement = result.measurements[0]
    counts = measurement.counts
    codes = {error.code.value: error.count for error in measurement.errors}
    account = f"{counts.completed}+{counts.throttled}+{counts.failed}+{counts.dropped}+{counts.in_flight} {codes}"
    if not case.measured:
        return account, ["measured"]
    return account, case.problems(counts.model_dump(), codes)
