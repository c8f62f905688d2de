"""Judging a run: by its targets, and by comparison with its baseline or its reference."""

from collections.abc import Mapping
from datetime import UTC, datetime

from loadtasks.results.judgement import Verdict, overall
from loadtasks.results.pairing import Pairing
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from loadtasks.verdict.history.comparison import BaselineComparison, compare_with_baseline
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.reference.findings import ReferenceRounds
from loadtasks.verdict.targets.suites import read_suites


def judge(context: RunContext, run_id: str) -> Verdict:
    """Judge validity, then targets, and build the Data Docs. The only step that imports Great Expectations.

    Raises:
        BadInputError: a suite is wrong or Great Expectations can't evaluate it.
    """
    workspace = context.workspace
    suites = read_suites(workspace.expectations)
    with Store.open(workspace.results_url, patient=True) as store:
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


def compare(context: RunContext, run_id: str) -> Verdict:
    """Compare the run with its reference or its baseline, diagnose what is wrong, and close it with its verdict.

    The first passing run of a service's scenario becomes its baseline run unless one was approved. A paired run never
    does: its baseline is the reference.
    """
    with Store.open(context.workspace.results_url) as store:
        run, (comparisons, open_regressions) = store.run(run_id), compare_series(context, store, run_id)
        compared = compare_run(
            store.verdicts(run_id),
            store.measurements(run_id),
            KnownHistory(
                comparisons=comparisons,
                regressions=open_regressions,
                approved={baseline.scenario: baseline.run_id for baseline in store.baselines(run.service)},
                measurements=store.measurements,
                references=_references(context, run, store.pairings(run_id)),
                confirmations=store.repeated(run_id, RepetitionReason.SUSPECT),
                invalid=store.repeated(run_id, RepetitionReason.INVALID),
            ),
        )
        store.save_verdicts(run_id, compared.verdicts)
        store.regressions.save(run_id, compared.found)
        for number in compared.recovered:
            store.regressions.move(number, RegressionState.FIXED, why=f"recovered in run {run_id}", run_id=run_id)
        verdict = overall([verdict.verdict for verdict in compared.verdicts])
        store.close_run(run_id, verdict, datetime.now(UTC))
        if verdict.good and run.reference_url is None:
            store.approve_first(run_id)
    return verdict


def conclude(context: RunContext, run_id: str) -> Verdict:
    """The verdict of a run; a scenario that was not judged is invalid.

    Raises:
        BadInputError: no such run.
    """
    with Store.open(context.workspace.results_url) as store:
        verdicts = {verdict.scenario: verdict.verdict for verdict in store.verdicts(run_id)}
        planned = store.run(run_id).scenarios
    return overall([verdicts.get(scenario, Verdict.INVALID) for scenario in planned])


def compare_series(
    context: RunContext, store: Store, run_id: str
) -> tuple[dict[tuple[str, str], BaselineComparison], list[Regression]]:
    """A run's comparison with its baseline, by scenario and part, and the regressions that have not ended.

    Regressions that this run itself found are left out, so that comparing it again gives the same.
    """
    service = store.run(run_id).service
    known = [
        regression
        for regression in store.regressions.all(service)
        if regression.found_run != run_id or len(regression.moves) > 1
    ]
    series = store.series(service, unjudged=run_id)
    comparisons = compare_with_baseline(run_id, series, known, context.settings.sensitivity)
    return comparisons, [regression for regression in known if not regression.state.ended]


def _references(context: RunContext, run: Run, pairings: Mapping[str, Pairing]) -> dict[str, ReferenceRounds]:
    version = run.reference_version or run.reference_url or ""
    return {scenario: ReferenceRounds(pairing, version, context.round_budget) for scenario, pairing in pairings.items()}
