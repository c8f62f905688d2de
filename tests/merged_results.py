"""Results databases that grew apart: filled with little effort, compared whole, and brought together."""

from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Any

from sqlalchemy import create_engine, select

from loadtasks import steps
from loadtasks.measurement.model import Measurement
from loadtasks.results.judgement import Verdict
from loadtasks.results.regression import AUTOMATIC, NEXT, RegressionState
from loadtasks.results.schema import ResultsBase
from loadtasks.results.store import Store
from loadtasks.steps import ImportedResults, Selection
from tests.measurements import STARTED_AT, run
from tests.stored_runs import DASHBOARD, SESSIONS, ServiceLife, invalid, missed, stored_regression, verdict_of
from tests.workspaces import context_of

WHOLE = Selection()


@cache
def _empty_database() -> bytes:
    """A results database without rows: to migrate a new one takes half a second each time."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "results.db"
        Store.open(f"sqlite:///{path}").close()
        return path.read_bytes()


class Runner(ServiceLife):
    """A machine with a results database of its own."""

    def __init__(self, folder: Path, name: str, *, results_url: str | None = None, first_day: int = 0) -> None:
        self.folder = folder / name
        self.folder.mkdir(parents=True, exist_ok=True)
        if results_url is None:
            (self.folder / "results.db").write_bytes(_empty_database())
        given = {"results_url": results_url} if results_url else {}
        super().__init__(context_of(var=self.folder, expectations=self.folder, **given))
        self.name, self.day = name, first_day

    def run_on(
        self,
        day: int,
        *findings: Any,
        scenario: str = DASHBOARD,
        measured: Measurement | None = None,
        **of_run: Any,
    ) -> str:
        """A judged run of one scenario on a day, called by runner and day; its first passing run is a baseline run."""
        of_run = {"run_id": f"{self.name}-{day}", "started_at": STARTED_AT + timedelta(days=day)} | of_run
        run_id = self.run({scenario: findings}, **of_run)
        with self.store as store:
            if measured is not None:
                verdicts = store.verdicts(run_id)
                store.save_measurements(run_id, scenario, [measured])
                store.save_verdicts(run_id, verdicts)
            store.approvals.approve_first(run_id)
        self.day = day
        return run_id

    def run_often(self, measured: Mapping[int, Measurement]) -> None:
        """Passing runs, by day, that are called by the day alone."""
        with self.store as store:
            for day, measurement in measured.items():
                opened = store.open_run(
                    run(f"run-{day}", started_at=STARTED_AT + timedelta(days=day), scenarios=[measurement.scenario])
                )
                store.save_measurements(opened.id, measurement.scenario, [measurement])
                store.save_verdicts(opened.id, [verdict_of(measurement.scenario, [])])
                store.close_run(opened.id, Verdict.PASS, opened.started_at)
                store.approvals.approve_first(opened.id)

    def regress(self, first_run: str, found_run: str) -> int:
        """A regression that a run has found. Returns its id."""
        with self.store as store:
            return stored_regression(store, first_run, found_run)

    def move(self, number: int, state: RegressionState, who: str = "ada") -> None:
        steps.move_regression(self.context, number, state, who=who, why=f"{who} says so")

    def export(self, name: str = "export.db.gz", selection: Selection = WHOLE) -> Path:
        path = self.folder / name
        steps.export_results(self.context, path, selection)
        return path

    def take(self, *sources: "Runner | Path", **options: Any) -> ImportedResults:
        """Import the exports of other runners, or files."""
        paths = [source.export() if isinstance(source, Runner) else source for source in sources]
        return steps.import_results(self.context, paths, **options)

    def dump(self) -> dict[str, list[dict[str, Any]]]:
        """Every row of every table, without the ids of measurements and moves, which nobody sees."""
        engine = create_engine(self.context.workspace.results_url)
        found = {}
        with engine.connect() as connection:
            for table in ResultsBase.metadata.sorted_tables:
                hidden = {"id"} if table.name in ("measurements", "moves", "baselines") else set()
                rows = connection.execute(select(table).order_by(*table.primary_key.columns)).mappings()
                found[table.name] = [{name: row[name] for name in row if name not in hidden} for row in rows]
        engine.dispose()
        return found

    def state(self) -> dict[str, Any]:
        """What people see, without ids that differ from database to database."""
        with self.store as store:
            known = {one.id: one.found_run for one in store.regressions.all()}

            def named(data: Any) -> Any:
                if isinstance(data, dict):
                    return {key: known.get(item) if key == "regression" else named(item) for key, item in data.items()}
                return [named(item) for item in data] if isinstance(data, list) else data

            regressions = [one.model_dump(exclude={"id"}) for one in store.regressions.all()]
            for regression in regressions:
                for move in regression["moves"]:
                    move["sequence"] = _run_at(store.run_order(regression["service"]), move["sequence"])
            runs = store.runs(limit=1000)
            return {
                "runs": [(run.model_dump(exclude={"sequence"}), verdict) for run, verdict in runs],
                "verdicts": [[named(one.model_dump(mode="json")) for one in store.verdicts(run.id)] for run, _ in runs],
                "measurements": [[one.metrics for one in store.measurements(run.id)] for run, _ in runs],
                "failures": [store.failures(run.id) for run, _ in runs],
                "regressions": sorted(regressions, key=lambda one: (one["scenario"], one["found_run"])),
                "approvals": [
                    one.model_dump(exclude={"approved_at"} if one.approved_by == AUTOMATIC else set())
                    for service in sorted(store.services())
                    for one in store.approvals.standing(service)
                ],
                "messages": [
                    (one.message_id, one.state, [(topic.key, topic.event, topic.since) for topic in one.topics])
                    for one in self.messages
                ],
            }


def _run_at(order: Iterable[Any], sequence: int) -> str | None:
    return next((place.id for place in order if place.sequence == sequence), None)


def live(runner: Runner, chance: Random, days: int) -> None:
    """Days of a service's life: runs good and bad, regressions, decisions, mails, deleted and pruned runs."""
    for _ in range(days):
        day = runner.day + 1
        findings = chance.choice([(), (), (missed(),), (invalid(),)])
        clock = chance.choice([0, 0, 0, 0, 300, -300])
        scenario = chance.choice([DASHBOARD, DASHBOARD, SESSIONS])
        run_id = runner.run_on(
            day,
            *findings,
            scenario=scenario,
            started_at=STARTED_AT + timedelta(days=day + clock, hours=chance.random()),
        )
        runner.alert(run_id)
        _decide(runner, chance, run_id)


def _decide(runner: Runner, chance: Random, run_id: str) -> None:
    with runner.store as store:
        known, runs = store.regressions.all(ended=False), store.run_ids()
        choice = chance.random()
        if choice < 0.25 and not any(one.scenario == DASHBOARD for one in known):
            stored_regression(store, chance.choice(runs[:3]), run_id)
        elif choice < 0.4 and known:
            target = chance.choice(NEXT[known[0].state])
            store.regressions.move(known[0].id, target, who=f"person of {runner.name}", why="so")
        elif choice < 0.5 and known:
            store.regressions.move(known[0].id, RegressionState.FIXED, why="recovered", run_id=run_id)
        elif choice < 0.6 and len(runs) > 3:
            store.remove_run(chance.choice(runs))
        elif choice < 0.7:
            store.prune_run(runs[-1], STARTED_AT)
        elif choice < 0.8 and store.measurements(run_id) and store.verdicts(run_id)[0].verdict is not Verdict.INVALID:
            store.approvals.approve(run_id, approved_by=f"person of {runner.name}", why="so")
