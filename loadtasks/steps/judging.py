"""Judging a run: by its targets, and by comparison with its baseline or its reference."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from loadtasks.errors import BadInputError
from loadtasks.measurement.control import ControlReading
from loadtasks.measurement.model import Measurement
from loadtasks.report import folder
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import ClockWentBack, RunsOverlapped
from loadtasks.results.judgement import ScenarioVerdict, Verdict, overall
from loadtasks.results.pairing import Pairing
from loadtasks.results.regression import AUTOMATIC, Regression, RegressionState, ids_of_groups
from loadtasks.results.repetitions import RepetitionReason
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.scenarios.files import read_scenarios
from loadtasks.steps.run_context import RunContext
from loadtasks.verdict.compare_run import KnownHistory, compare_run, verdict_of
from loadtasks.verdict.history.comparison import BaselineComparison, compare_with_baseline
from loadtasks.verdict.history.findings import name_regressions
from loadtasks.verdict.history.lifecycle import KnownChanges, find_unanswered
from loadtasks.verdict.history.shared_shift import find_shared
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.reference.findings import ReferenceRounds
from loadtasks.verdict.targets.checked_suites import CheckedSuites
from loadtasks.verdict.targets.suite_check import check_suites
from loadtasks.verdict.targets.suites import Suite, read_suites
from loadtasks.workspace import Workspace


def judge(context: RunContext, run_id: str) -> Verdict:
    """Judge validity, then targets, and build the Data Docs where the settings ask for them; of a pruned run never.

    Data Docs of an earlier judgement go: they would show another one.

    Raises:
        BadInputError: a suite can't be read.
    """
    workspace = context.workspace
    suites = read_suites(workspace.expectations)
    with Store.open(workspace.results_url, patient=True) as store:
        run = store.run(run_id)
        with_docs = context.settings.data_docs and run_id not in store.pruned()
        if not with_docs:
            folder.remove_data_docs(run_id, workspace.reports)
        verdicts = judge_run(
            run.scenarios,
            store.measurements(run_id),
            store.failures(run_id),
            suites,
            folder.data_docs(run_id, workspace.reports) if with_docs else None,
        )
        overlaps = store.overlapping_runs(run_id)
        clock = store.clock_went_back(run_id)
        verdicts = [_with_warnings(verdict, overlaps.get(verdict.scenario, []), clock) for verdict in verdicts]
        store.save_verdicts(run_id, verdicts)
    return overall([verdict.verdict for verdict in verdicts])


def read_checked_suites(workspace: Workspace, measurements: Sequence[Measurement] = ()) -> list[Suite]:
    """The workspace's suites, each tried on made-up measurements of all of its scenarios: seconds, where one is new.

    `measurements`: of a run that is judged again, whose scenarios may be gone since.

    Raises:
        BadInputError: a suite or a scenario file is wrong.
    """
    suites = read_suites(workspace.expectations)
    check_suites(suites, read_scenarios(workspace.scenarios), measurements, CheckedSuites(workspace.checked_suites))
    return suites


def judge_again(context: RunContext, run_id: str) -> Verdict:
    """Judge a stored run by the suites as they are now, and compare it again; repeated, it gives the same.

    Works for a run that broke before it was judged, and for one that was pruned, too. Nobody is alerted.

    Raises:
        BadInputError: no such run, its rounds with the reference were pruned, or a suite or a scenario file is wrong.
    """
    with Store.open(context.workspace.results_url) as store:
        run, measurements = store.run(run_id), store.measurements(run_id)
        pruned_at = store.pruned().get(run_id)
    if pruned_at is not None and run.reference_url is not None:
        raise BadInputError(
            f"run {run_id} was pruned on {pruned_at:%Y-%m-%d}: its rounds with the reference are gone, so it can't be "
            "judged again; its verdict stands."
        )
    read_checked_suites(context.workspace, measurements)
    judge(context, run_id)
    ends = [measurement.started_at + timedelta(seconds=measurement.elapsed_s) for measurement in measurements]
    return compare(context, run_id, ended_at=run.ended_at or max(ends, default=run.started_at))


def compare(context: RunContext, run_id: str, ended_at: datetime | None = None) -> Verdict:
    """Compare the run with its reference or its baseline, diagnose what is wrong, and close it with its verdict.

    The first passing run of a service's scenario becomes its baseline run unless one was approved. A paired run never
    does: its baseline is the reference. `ended_at`: when it ended; now, where that is not given.
    """
    with Store.open(context.workspace.results_url) as store:
        run, (comparisons, known, controls) = store.run(run_id), compare_series(context, store, run_id)
        changes = _known_changes(context, store, run_id, comparisons, known)
        compared = compare_run(
            store.verdicts(run_id),
            store.measurements(run_id),
            KnownHistory(
                comparisons=comparisons,
                changes=changes,
                approved={baseline.scenario: baseline.run_id for baseline in store.approvals.current(run.service)},
                measurements=store.measurements,
                references=_references(context, run, store.pairings(run_id)),
                confirmations=store.repeated(run_id, RepetitionReason.SUSPECT),
                invalid=store.repeated(run_id, RepetitionReason.INVALID),
            ),
        )
        store.save_control_readings(run_id, controls)
        accepted = _with_their_groups(compared.accepted, changes)
        going_on = [regression for regression in changes.regressions if regression.id not in accepted]
        shared = find_shared(compared.found, going_on, comparisons)
        for first_run, ids in shared.joined.items():
            store.regressions.join(ids, first_run)
        saved = store.regressions.save(run_id, shared.found)
        names = ids_of_groups(store.regressions.all(run.service))
        named = [_named(verdict, saved, names) for verdict in compared.verdicts]
        store.save_verdicts(run_id, named)
        _end_recovered(store, run, compared.recovered)
        _accept_unanswered(store, run, accepted)
        store.save_creeps(run_id, compared.creeps)
        verdict = overall([verdict.verdict for verdict in named])
        store.close_run(run_id, verdict, ended_at or datetime.now(UTC))
        if run.reference_url is None:
            if not verdict.good:  # it may have passed when it was judged before
                store.approvals.withdraw(run_id, approved_by=AUTOMATIC)
            store.approvals.approve_first(run_id)
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
) -> tuple[dict[tuple[str, str], BaselineComparison], list[Regression], list[ControlReading]]:
    """A run's comparison with its baseline, by scenario and part, and all regressions as they stood before it.

    Also what its controls show.

    Regressions that this run itself found, or a later one, are left out, and those that ended by it, or since, without
    a person's word are open, so that comparing it again gives the same.
    """
    service = store.run(run_id).service
    newest_first = store.run_ids(service)
    since = set(newest_first[: newest_first.index(run_id) + 1])
    known = [
        regression.before(since)
        for regression in store.regressions.all(service)
        if regression.found_run not in since or (regression.found_run == run_id and regression.is_answered)
    ]
    series = store.series(service, unjudged=run_id)
    control_runs = store.control_runs(service)
    compared = compare_with_baseline(run_id, series, known, context.settings.sensitivity, control_runs)
    return compared.comparisons, known, compared.controls


def _named(verdict: ScenarioVerdict, saved: Sequence[Regression], names: Mapping[int, int]) -> ScenarioVerdict:
    """A verdict whose regressions have the ids that people know them by."""
    findings = name_regressions(verdict.findings, verdict.scenario, saved, names)
    return verdict.model_copy(update={"findings": findings, "verdict": verdict_of(verdict.verdict, findings)})


def _known_changes(
    context: RunContext,
    store: Store,
    run_id: str,
    comparisons: Mapping[tuple[str, str], BaselineComparison],
    known: Sequence[Regression],
) -> KnownChanges:
    """What was found before a run, as it stood then."""
    service = store.run(run_id).service
    newest_first = store.run_ids(service)
    earlier = set(newest_first[newest_first.index(run_id) + 1 :])
    return KnownChanges(
        regressions=[regression for regression in known if not regression.state.ended],
        unanswered=find_unanswered(
            [regression for regression in store.regressions.all(service) if regression.found_run in earlier],
            comparisons,
            run_id,
            newest=newest_first[0] == run_id,
            limit=context.settings.sensitivity.auto_accept_runs,
        ),
        dismissed=[regression for regression in known if regression.state is RegressionState.DISMISSED],
        creeps=[record for record in store.creeps(service) if record.run_id in earlier],
        names=ids_of_groups(known),
    )


def _end_recovered(store: Store, run: Run, recovered: Sequence[int]) -> None:
    """End regressions that are back to normal, unless the run is judged again and others were measured since."""
    for number in recovered:
        regression = store.regressions.find(number)
        newest = store.history(run.service, regression.scenario, limit=1, part=regression.part)
        if not regression.state.ended and newest and newest[0].run_id == run.id:
            why = f"recovered in run {run.id}"
            store.regressions.move(regression.id, RegressionState.FIXED, why=why, run_id=run.id)


def _with_their_groups(accepted: Sequence[int], changes: KnownChanges) -> list[int]:
    """The ids of regressions that a run accepts, with those that are one with them, measured in this run or not."""
    groups = {changes.names[number] for number in accepted}
    return [number for number in sorted(changes.unanswered) if changes.names[number] in groups]


def _accept_unanswered(store: Store, run: Run, accepted: Sequence[int]) -> None:
    """Accept regressions that nobody has answered, unless the run is judged again and has done so."""
    for number in accepted:
        regression = store.regressions.find(number)
        if not regression.state.ended and not regression.is_answered:
            store.regressions.move(
                number, RegressionState.ACCEPTED, why=f"nobody answered until run {run.id}", run_id=run.id
            )


def _with_warnings(
    verdict: ScenarioVerdict, overlaps: Sequence[RunsOverlapped], clock: ClockWentBack | None
) -> ScenarioVerdict:
    """A verdict with a warning for each run that may have disturbed the scenario, and for a clock that was wrong."""
    warnings = [
        Finding(code=FindingCode.RUNS_OVERLAPPED, severity=Severity.WARNING, parameters=overlap) for overlap in overlaps
    ]
    if clock is not None:
        warnings.append(Finding(code=FindingCode.CLOCK_WENT_BACK, severity=Severity.WARNING, parameters=clock))
    return verdict.model_copy(update={"findings": [*verdict.findings, *warnings]})


def _references(context: RunContext, run: Run, pairings: Mapping[str, Pairing]) -> dict[str, ReferenceRounds]:
    version = run.reference_version or run.reference_url or ""
    return {scenario: ReferenceRounds(pairing, version, context.round_budget) for scenario, pairing in pairings.items()}
