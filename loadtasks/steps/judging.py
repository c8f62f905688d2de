"""Judging a run: by itself, and held against its past or its reference."""

from collections.abc import Mapping
from datetime import UTC, datetime

from loadtasks.results.judgement import Verdict, overall
from loadtasks.results.pairing import Pairing
from loadtasks.results.regression import AUTOMATIC, Regression, State
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.verdict.compare import Known, compare_run
from loadtasks.verdict.judge import judge_run
from loadtasks.verdict.look import Look, look_back
from loadtasks.verdict.reference import Beside, Budget
from loadtasks.verdict.sensitivity import Sensitivity
from loadtasks.verdict.suites import read_suites
from loadtasks.workspace import Workspace


def judge(workspace: Workspace, run_id: str) -> Verdict:
    """Validity, then targets: the only step that imports Great Expectations. Builds the Data Docs.

    Raises:
        BadInputError: a suite that is wrong or that Great Expectations can't evaluate.
    """
    suites = read_suites(workspace.expectations)
    with Store.open(workspace.results_url) as store:
        run = store.run(run_id)
        verdicts = judge_run(
            run.scenarios,
            store.measurements(run_id),
            store.failures(run_id),
            suites,
            workspace.reports / run_id / "data_docs",
        )
        store.save_verdicts(run_id, verdicts)
    return overall([each.verdict for each in verdicts])


def compare(workspace: Workspace, run_id: str, sensitivity: Sensitivity | None = None) -> Verdict:
    """Hold the run against its reference or its past, diagnose what is wrong, and close it with its verdict.

    The first good measurement of a scenario becomes its baseline, where its level begins, unless one was approved; not
    beside a reference, which is the baseline.
    """
    with Store.open(workspace.results_url) as store:
        run, (seen, known) = store.run(run_id), looks(store, run_id, sensitivity)
        compared = compare_run(
            store.verdicts(run_id),
            store.measurements(run_id),
            Known(
                looks=seen,
                regressions=known,
                approved={each.scenario: each.run_id for each in store.baselines()},
                measurements=store.measurements,
                beside=_beside(run, store.pairings(run_id)),
                remarks=store.remarks(run_id),
            ),
        )
        store.save_verdicts(run_id, compared.verdicts)
        store.regressions.save(run_id, compared.found)
        for number in compared.recovered:
            store.regressions.move(number, State.FIXED, why=f"back at its level in run {run_id}")
        verdict = overall([each.verdict for each in compared.verdicts])
        store.close_run(run_id, verdict, datetime.now(UTC))
        if verdict.good and run.reference_url is None:
            store.approve(run_id, approved_by=AUTOMATIC, why="the first passing run", only_missing=True)
    return verdict


def conclude(workspace: Workspace, run_id: str) -> Verdict:
    """The verdict of a run.

    Raises:
        BadInputError: no such run.
    """
    with Store.open(workspace.results_url) as store:
        verdicts = {each.scenario: each.verdict for each in store.verdicts(run_id)}
        planned = store.run(run_id).scenarios
    return overall([verdicts.get(scenario, Verdict.INVALID) for scenario in planned])


def looks(
    store: Store, run_id: str, sensitivity: Sensitivity | None
) -> tuple[dict[tuple[str, str], Look], list[Regression]]:
    """A run's night beside its past, and the regressions that have not ended, but for those that it found itself."""
    known = [each for each in store.regressions.all() if each.found_run != run_id or len(each.moves) > 1]
    seen = look_back(run_id, store.series(unjudged=run_id), known, sensitivity or Sensitivity.from_environ())
    return seen, [each for each in known if not each.state.ended]


def _beside(run: Run, pairings: Mapping[str, Pairing]) -> dict[str, Beside]:
    budget = Budget.from_environ() if pairings else Budget()
    version = run.reference_version or run.reference_url or ""
    return {each: Beside(pairing, version, budget) for each, pairing in pairings.items()}
