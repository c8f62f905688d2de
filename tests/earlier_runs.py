"""Earlier runs of a scenario: each like one that was measured, but as fast and as good as a test needs."""

from datetime import timedelta

import numpy as np

from loadtasks import steps
from loadtasks.measurement.model import Measurement
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.verdict.history.baselines import MIN_BASELINE_RUNS
from tests.measurements import failure, histogram

_MAX_SLOW_RUNS = 10


class EarlierRuns:
    """The history of one scenario; its runs follow the one that is their pattern, a millisecond apart."""

    def __init__(self, context: RunContext, run: Run, measurement: Measurement) -> None:
        self._context, self._run, self._measurement = context, run, measurement
        self._random = np.random.default_rng(5)
        self._number = 0

    def keep(self, time_s: float, success_rate: float = 1.0) -> str:
        """Keep one run, not judged yet. Returns its id."""
        run_id, scenario = f"run-{self._number:03d}", self._measurement.scenario
        number = self._measurement.counts.scheduled
        good = round(number * success_rate)
        times_s = time_s * self._random.lognormal(0, 0.02) * self._random.lognormal(0, 0.05, good)
        changes = {
            "counts": self._measurement.counts.model_copy(update={"completed": good, "failed": number - good}),
            "response": histogram(times_s.tolist()),
            "elapsed_s": float(times_s.sum()) / 2,
        }
        with Store.open(self._context.workspace.results_url) as store:
            begins = self._run.started_at + timedelta(milliseconds=self._number)
            store.open_run(self._run.model_copy(update={"id": run_id, "started_at": begins, "scenarios": [scenario]}))
            store.save_measurements(run_id, scenario, [self._measurement.model_copy(update=changes)])
        self._number += 1
        return run_id

    def keep_baseline(self, time_s: float) -> None:
        """Keep as many runs, judged, as it takes to compare the next one with them."""
        for _ in range(MIN_BASELINE_RUNS + 1):
            self._judge(self.keep(time_s))

    def until_suspected(self, time_s: float, success_rate: float = 1.0) -> str:
        """Keep slow runs until one of them is to be repeated. Returns its id."""
        for _ in range(_MAX_SLOW_RUNS):
            run_id = self.keep(time_s, success_rate)
            if steps.repetitions_due(self._context, run_id):
                return run_id
            self._judge(run_id)
        raise AssertionError("no slow run is suspected")

    def forget(self, run_id: str) -> None:
        """Turn a run into one that measured nothing, so that the next one takes its place."""
        with Store.open(self._context.workspace.results_url) as store:
            store.save_failure(run_id, self._measurement.scenario, failure())

    def _judge(self, run_id: str) -> None:
        with Store.open(self._context.workspace.results_url) as store:
            store.save_verdicts(run_id, [ScenarioVerdict(scenario=self._measurement.scenario, verdict=Verdict.PASS)])
