"""The mails of forty days of a service, made from measurements that nobody took.

    make show-mails                 # in var/mails: the results database, and outbox/*.eml
    python -m benchmarks.verdict.mails FOLDER

One run a day goes through the real steps: judged by a suite, compared with its baseline, repeated where that is due,
and mailed. After twelve calm days a target is missed for ten; a regression comes and goes meanwhile; a second one
stays, and nobody acknowledges it; for two days the API is down. Prints verdict and mail of each day.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from loadtasks import steps
from loadtasks.measurement.model import Measurement
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.repetitions import Repetition
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext
from tests.measurements import exemplar, measurement
from tests.workspaces import SHIPPED_SCENARIOS

DAYS = 40
FIRST = datetime(2026, 10, 20, 2, 0, tzinfo=UTC)
LEVELS_S = {"dashboard.concurrent": 0.050, "sessions.filtered": 0.080, "config_get.concurrent": 0.020}
MISSED, FASTER_AGAIN, STAYS, DOWN = range(13, 23), range(15, 25), range(28, DAYS + 1), (31, 32)
"""Days of: the missed target of sessions.filtered, the two regressions of dashboard.concurrent and
config_get.concurrent, and of an API that can't be reached."""
_TARGET = {"type": "expect_column_values_to_be_between", "kwargs": {"column": "p99_s", "max_value": 0.45}}
_CV, _SIGMA, _REQUESTS = 0.03, 0.3, 300


@dataclass(frozen=True)
class Day:
    """What became of one day's run."""

    number: int
    started_at: datetime
    verdict: str
    subject: str
    """Of its mail; empty where none was due."""


class Service:
    """A service whose runs are made up."""

    def __init__(self, folder: Path) -> None:
        expectations = folder / "expectations"
        expectations.mkdir(parents=True, exist_ok=True)
        (expectations / "sessions.json").write_text(json.dumps({"name": "sessions", "expectations": [_TARGET]}))
        self.context = RunContext.from_settings(
            read_settings(var=folder, scenarios=SHIPPED_SCENARIOS, expectations=expectations, service="shop")
        )
        self._random = np.random.default_rng(7)

    def days(self) -> Iterator[Day]:
        """The days, one after the other."""
        for number in range(1, DAYS + 1):
            yield self._day(number)

    def _day(self, number: int) -> Day:
        started_at = FIRST + timedelta(days=number)
        run = Run(
            id=f"{started_at:%Y%m%dT%H%M%SZ}-{number:04x}",
            started_at=started_at,
            trigger="scheduled",
            target_url="http://shop.example.com:8000",
            service="shop",
            target_version=f"2.{number // 7}.{number % 7}",
            scenarios=list(LEVELS_S),
            generator="a-host",
        )
        with Store.open(self.context.workspace.results_url) as store:
            store.open_run(run)
            for scenario in LEVELS_S:
                self._measure(store, run.id, scenario, number)
            if number not in DOWN:
                self._repeat(store, run.id, number)
        steps.judge(self.context, run.id)
        verdict = steps.compare(self.context, run.id, started_at + timedelta(minutes=2))
        steps.alert(self.context, run.id)
        with Store.open(self.context.workspace.results_url) as store:
            subjects = [message.subject for message in store.messages.of_run(run.id)]
        return Day(number, started_at, verdict.value, "; ".join(subjects))

    def _measure(self, store: Store, run_id: str, scenario: str, day: int) -> None:
        if day in DOWN:
            detail = "http://shop.example.com:8000 refuses connections; start the API, then run it again"
            failure = MeasurementFailure(code=FindingCode.MEASUREMENT_FAILED, detail=detail)
            store.save_failure(run_id, scenario, failure)
        else:
            store.save_measurements(run_id, scenario, [self._measurement(scenario, day)])

    def _repeat(self, store: Store, run_id: str, day: int) -> None:
        """Repeat what looks worse, up to three times."""
        for number in (2, 3, 4):
            due = steps.repetitions_due(self.context, run_id)
            for scenario, reason in due.items():
                again = Repetition(number=number, measurements=[self._measurement(scenario, day)], reason=reason)
                store.add_repetition(run_id, scenario, again)

    def _measurement(self, scenario: str, day: int) -> Measurement:
        slower = 1.0
        if scenario == "dashboard.concurrent" and day in FASTER_AGAIN:
            slower = 1.4
        if scenario == "config_get.concurrent" and day in STAYS:
            slower = 2.0
        level_s = LEVELS_S[scenario] * slower * self._random.lognormal(0, _CV)
        times_s = level_s * self._random.lognormal(0, _SIGMA, _REQUESTS)
        if scenario == "sessions.filtered" and day in MISSED:
            times_s[:6] = self._random.uniform(0.5, 0.9, 6)  # few, so that the median and the p95 tell nothing
        path = scenario.partition(".")[0]
        slowest = [exemplar(float(time_s), request=f"GET /api/v1/{path}") for time_s in sorted(times_s)[-3:]]
        return measurement(
            scenario,
            times_s=times_s.tolist(),
            started_at=FIRST + timedelta(days=day),
            server={"db": level_s * 0.6},
            exemplars=slowest[::-1],
        )


def main() -> None:
    """Make the days, and print them."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path, nargs="?", default=Path("var/mails"))
    folder: Path = parser.parse_args().folder
    if (folder / "results.db").exists():
        parser.error(f"{folder} has a results database already; name another folder, or remove it")
    for day in Service(folder).days():
        print(f"{day.number:3}  {day.started_at:%d %b}  {day.verdict:9}  {day.subject}", flush=True)
    print(f"The mails are in {folder / 'outbox'}.")


if __name__ == "__main__":
    main()
