"""A results folder with hundreds of runs, made from one that was really made; to see what pruning and deleting give.

    python -m benchmarks.verdict.stored_runs RUN_FOLDER NEW_FOLDER [RUNS] [REPORT_EVERY]

RUN_FOLDER is the `var` of a run (`make nightly`), of which the newest run is the pattern. The new runs are a day apart,
the newest a day ago. Each time of a run is that of the pattern times a random factor, the same for all of its scenario,
so that histograms and exemplars are as large as real ones. Every tenth run, or every REPORT_EVERYth, gets a copy of
the pattern's report folder, since 400 of them would take 2 GB.
"""

import shutil
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from loadtasks.measurement.histogram import Histogram
from loadtasks.measurement.model import Measurement
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.store import Store

_CV = 0.05
"""How much runs differ: as those of a quiet machine."""
_DAY = timedelta(days=1)


def main(pattern: Path, new: Path, runs: int = 400, report_every: int = 10) -> None:
    """Make the folder."""
    random = np.random.default_rng(4)
    with Store.open(f"sqlite:///{pattern / 'results.db'}") as store:
        run_id = store.run_ids()[0]
        run, measured, verdicts = store.run(run_id), store.measurements(run_id), store.verdicts(run_id)
    by_scenario = {name: [one for one in measured if one.scenario == name] for name in run.scenarios}
    now = datetime.now(UTC)
    with Store.open(f"sqlite:///{new.absolute() / 'results.db'}") as store:
        for number in range(runs):
            at = now - (runs - number) * _DAY
            made = run.model_copy(update={"id": f"{at:%Y%m%dT%H%M%SZ}-{number:04x}", "started_at": at})
            store.open_run(made)
            for scenario, measurements in by_scenario.items():
                factor = float(random.lognormal(0, _CV))
                store.save_measurements(made.id, scenario, [_slower(one, factor, at) for one in measurements])
            store.save_verdicts(made.id, _passing(verdicts))
            store.close_run(made.id, Verdict.PASS, at + timedelta(minutes=1))
            if number == 0:
                store.approvals.approve_first(made.id)
            if number % report_every == 0:
                shutil.copytree(pattern / "reports" / run_id, new / "reports" / made.id)


def _slower(measurement: Measurement, factor: float, at: datetime) -> Measurement:
    exemplars = [
        exemplar.model_copy(
            update={"response_s": exemplar.response_s * factor, "service_s": exemplar.service_s * factor}
        )
        for exemplar in measurement.exemplars
    ]
    phases = {
        name: phase.model_copy(update={"total_s": phase.total_s * factor, "max_s": phase.max_s * factor})
        for name, phase in measurement.phases.items()
    }
    return measurement.model_copy(
        update={
            "started_at": at,
            "elapsed_s": measurement.elapsed_s * factor,
            "response": _scaled(measurement.response, factor),
            "service": _scaled(measurement.service, factor),
            "exemplars": exemplars,
            "phases": phases,
        }
    )


def _scaled(histogram: Histogram, factor: float) -> Histogram:
    made = Histogram()
    steps = list(histogram.steps())
    if steps:
        times_s, numbers = np.array(steps).T
        made.record(np.repeat(times_s * factor, numbers.astype(int)))
    return made


def _passing(verdicts: Sequence[ScenarioVerdict]) -> list[ScenarioVerdict]:
    return [verdict.model_copy(update={"verdict": Verdict.PASS}) for verdict in verdicts]


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), *map(int, sys.argv[3:]))
