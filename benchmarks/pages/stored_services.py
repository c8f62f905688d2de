"""A results folder with the history of three services, for pages: what they show, and how fast.

    python -m benchmarks.pages.stored_services NEW_FOLDER [RUNS] [JUDGED]

RUNS (1,000) runs of 12 scenarios of `shop`, `payments` and `search`, one a day. Each value varies by 3 % from run to
run. Of `shop`, one scenario's database got slower 8 runs ago, and requests of another fail since 4 runs. The last run
of `search` could not be measured. The last JUDGED (40) runs are judged and compared by the real steps, which takes
about a second each of a long history; those before pass.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from loadtasks import steps
from loadtasks.engine.net.target import Target
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Health
from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Counts, Exemplar, Measurement, Phase, Protocol
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict, overall
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from loadtasks.workspace import Workspace

SCENARIOS = tuple(
    f"{endpoint}.{profile}"
    for endpoint in ("dashboard", "sessions", "config_get", "orders")
    for profile in ("concurrent", "sustained", "peak")
)
SLOWER, FAILING = "dashboard.sustained", "orders.concurrent"
_SERVICES = {"shop": "nightly_performance", "payments": "payments_performance", "search": "nightly_performance"}
_CV, _SIGMA, _REQUESTS = 0.03, 0.35, 400
_SLOWER_RUNS, _FAILING_RUNS, _SLOWER_BY = 8, 4, 1.38


def main(new: Path, runs: int = 1000, judged: int = 40) -> None:
    """Make the folder."""
    random = np.random.default_rng(16)
    context = _context(new.absolute())
    now = datetime.now(UTC).replace(hour=2, minute=0, second=0, microsecond=0)
    with Store.open(context.workspace.results_url) as store:
        made: dict[str, list[str]] = {}
        for number in range(runs):
            at = now - timedelta(days=runs - 1 - number)
            for service, dag_id in _SERVICES.items():
                run = _open(store, service, dag_id, at, runs - 1 - number)
                _measure(store, run, runs - 1 - number, random)
                made.setdefault(service, []).append(run.id)
                if number < runs - judged:
                    _pass(store, run)
    for run_id in [run_id for of_run in zip(*made.values(), strict=True) for run_id in of_run][-judged * len(made) :]:
        steps.judge(context, run_id)
        steps.compare(context, run_id)
        with Store.open(context.workspace.results_url) as store:
            run = store.run(run_id)
            reached = overall([verdict.verdict for verdict in store.verdicts(run_id)])
            store.close_run(run_id, reached, run.started_at + timedelta(minutes=2))
        if run_id in [ids[-1] for ids in made.values()]:
            steps.write_report(context, run_id)
    print(f"{runs} runs of {len(made)} services in {new}")


def _context(var: Path) -> RunContext:
    settings = read_settings(var=var)
    workspace = Workspace.from_settings(settings)
    return RunContext(
        settings=settings, workspace=workspace, target=Target(url="http://127.0.0.1:8000"), service="shop"
    )


def _open(store: Store, service: str, dag_id: str, at: datetime, ago: int) -> Run:
    dag_run_id = f"scheduled__{at:%Y-%m-%dT%H:%M:%S}"
    version = f"2.{(1000 - ago) // 25}.{(1000 - ago) % 25 // 6}" if ago > _SLOWER_RUNS else "2.40.0"
    return store.open_run(
        Run(
            id=f"{service}-{at:%Y%m%d}",
            started_at=at,
            trigger="scheduled",
            dag_id=dag_id,
            dag_run_id=dag_run_id,
            target_url=f"https://{service}.example",
            service=service,
            target_version=version,
            scenarios=list(SCENARIOS),
            generator=f"runner-{service}",
        )
    )


def _measure(store: Store, run: Run, ago: int, random: np.random.Generator) -> None:
    for position, scenario in enumerate(SCENARIOS):
        if run.service == "search" and ago == 0:
            failure = MeasurementFailure(
                code=FindingCode.MEASUREMENT_FAILED, detail="the generator was saturated (CPU 98 %)"
            )
            store.save_failure(run.id, scenario, failure)
            continue
        slower = _SLOWER_BY if (run.service, scenario) == ("shop", SLOWER) and ago < _SLOWER_RUNS else 1.0
        failed = 6 if (run.service, scenario) == ("shop", FAILING) and ago < _FAILING_RUNS else 0
        level_s = 0.02 + 0.01 * position
        store.save_measurements(run.id, scenario, [_measurement(run, scenario, level_s, slower, failed, random)])


def _measurement(  # noqa: PLR0913, PLR0917 - what a run of one scenario is made from
    run: Run, scenario: str, level_s: float, slower: float, failed: int, random: np.random.Generator
) -> Measurement:
    drift = float(random.lognormal(0, _CV))
    times_s = level_s * slower * drift * random.lognormal(0, _SIGMA, _REQUESTS - failed)
    histogram = Histogram()
    histogram.record(times_s)
    total, completed = float(times_s.sum()), len(times_s)
    own = {"db": level_s * drift * (0.4 + (slower - 1)), "cache": level_s * drift * 0.05}
    phases = {
        "connect": Phase(count=10, total_s=0.01, max_s=0.002),
        "waiting": Phase(count=completed, total_s=0.0, max_s=0.0),
        "first_byte": Phase(count=completed, total_s=total * 0.93, max_s=float(times_s.max())),
        "body": Phase(count=completed, total_s=total * 0.07, max_s=float(times_s.max()) * 0.07),
    }
    for name, mean_s in (*own.items(), ("total", sum(own.values()) + level_s * drift * 0.3)):
        phases[f"server:{name}"] = Phase(count=completed, total_s=mean_s * completed, max_s=mean_s * 3)
    errors = [ErrorCount(code=ErrorCode.STATUS, count=failed, sample="POST /orders responded 503")] if failed else []
    return Measurement(
        scenario=scenario,
        part="",
        endpoint=scenario.partition(".")[0],
        protocol=Protocol.HTTP,
        scenario_hash="5eed",
        load={"model": "closed", "workers": 10, "requests": _REQUESTS},
        started_at=run.started_at,
        elapsed_s=total / 10,
        counts=Counts(scheduled=_REQUESTS, completed=completed, throttled=0, failed=failed, dropped=0, in_flight=0),
        response=histogram,
        service=histogram,
        send_lag=Histogram(),
        statuses={"200": completed} | ({"503": failed} if failed else {}),
        errors=errors,
        phases=phases,
        exemplars=[
            Exemplar(
                request=f"GET /{scenario.partition('.')[0]}",
                due_s=float(number),
                response_s=float(time_s),
                service_s=float(time_s),
                status=200,
                request_id=f"req-{number:04x}",
                traceparent=f"00-{number + 1:032x}-{number + 1:016x}-00",
            )
            for number, time_s in enumerate(sorted(times_s)[:-6:-1])
        ],
        health=Health(
            cpu_share=0.2, loop_lag_p99_s=0.0, loop_lag_max_s=0.0, send_lag_p99_s=1e-6, waited_for_connection=0
        ),
    )


def _pass(store: Store, run: Run) -> None:
    verdicts = [ScenarioVerdict(scenario=scenario, verdict=Verdict.PASS) for scenario in SCENARIOS]
    store.save_verdicts(run.id, verdicts)
    store.close_run(run.id, Verdict.PASS, run.started_at + timedelta(minutes=2))
    store.approvals.approve_first(run.id)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
