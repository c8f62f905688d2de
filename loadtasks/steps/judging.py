"""Judging a run: by itself, and held against its past or its reference."""

from collections.abc import Mapping
from datetime import UTC, datetime

from loadtasks.results.judgement import Verdict, overall
from loadtasks.results.pairing import Pairing
from loadtasks.results.regression import AUTOMATIC, Regression, RegressionState
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.history.comparison import BaselineComparison, compare_with_baseline
from loadtasks.verdict.history.sensitivity import Sensitivity
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.reference.findings import ReferenceRounds, RoundBudget
from loadtasks.verdict.targets.suites import read_suites
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
    return overall([verdict.verdict for verdict in verdicts])


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
            KnownHistory(
                comparisons=seen,
                regressions=known,
                approved={baseline.scenario: baseline.run_id for baseline in store.baselines()},
                measurements=store.measurements,
                references=_beside(run, store.pairings(run_id)),
                confirmations=store.confirmations(run_id),
            ),
        )
        store.save_verdicts(run_id, compared.verdicts)
        store.regressions.save(run_id, compared.found)
        for number in compared.recovered:
            store.regressions.move(number, RegressionState.FIXED, why=f"back at its level in run {run_id}")
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
        verdicts = {verdict.scenario: verdict.verdict for verdict in store.verdicts(run_id)}
        planned = store.run(run_id).scenarios
    return overall([verdicts.get(scenario, Verdict.INVALID) for scenario in planned])


def looks(
    store: Store, run_id: str, sensitivity: Sensitivity | None
) -> tuple[dict[tuple[str, str], BaselineComparison], list[Regression]]:
    """A run's night beside its past, and the regressions that have not ended, but for those that it found itself."""
    known = [each for each in store.regressions.all() if each.found_run != run_id or len(each.moves) > 1]
    seen = compare_with_baseline(
        run_id, store.series(unjudged=run_id), known, sensitivity or Sensitivity.from_environ()
    )
    return seen, [regression for regression in known if not regression.state.ended]


def _beside(run: Run, pairings: Mapping[str, Pairing]) -> dict[str, ReferenceRounds]:
    budget = RoundBudget.from_environ() if pairings else RoundBudget()
    version = run.reference_version or run.reference_url or ""
    return {each: ReferenceRounds(pairing, version, budget) for each, pairing in pairings.items()}
