"""Assembles the results document of a run from what the store has of it."""

from collections.abc import Sequence

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.results.document import RepetitionSummary, ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict, overall
from loadtasks.results.run import Run
from loadtasks.results.store import Store


def assemble(store: Store, run_id: str) -> ResultsDocument:
    """A run whole, with the measurements that it is compared with.

    That of a pruned run has metrics without histograms: it can be shown, and not be written as results.json.

    Raises:
        BadInputError: no such run.
    """
    return _assembled(store, store.run(run_id), store.measurements(run_id), compared=True)


def assemble_measured(store: Store, run_id: str) -> ResultsDocument:
    """A run without the measurements of its baselines, which charts alone need.

    Raises:
        BadInputError: no such run.
    """
    return _assembled(store, store.run(run_id), store.measurements(run_id), compared=False)


def assemble_scenario(store: Store, run_id: str, scenario: str) -> ScenarioResult | None:
    """One scenario of a run whole; None where the run doesn't have it.

    Raises:
        BadInputError: no such run.
    """
    run, measurements = store.run(run_id), store.measurements(run_id, scenario)
    if scenario not in run.scenarios and not measurements:
        return None
    return _assembled(store, run, measurements, compared=True, only=scenario).scenarios[0]


def _assembled(
    store: Store, run: Run, measurements: Sequence[Measurement], *, compared: bool, only: str | None = None
) -> ResultsDocument:
    """The document of a run, or of one scenario of it, with or without the measurements of baselines."""
    failures, pairings = store.failures(run.id), store.pairings(run.id)
    measured = by_scenario(measurements)
    verdicts = {verdict.scenario: verdict for verdict in store.verdicts(run.id)}
    results = []
    for scenario in [only] if only is not None else dict.fromkeys([*run.scenarios, *measured, *verdicts]):
        of_scenario = measured.get(scenario, [])
        pairing = pairings.get(scenario)
        judged = verdicts.get(scenario) or _unjudged(scenario, failures.get(scenario), bool(of_scenario))
        before = _compared_with(store, judged) if compared else []
        results.append(
            ScenarioResult(
                endpoint=of_scenario[0].endpoint if of_scenario else scenario.partition(".")[0],
                measurements=of_scenario,
                repetitions=_repetitions(store, run.id, scenario),
                baseline=pairing.reference if pairing else before,
                round_ratios=pairing.round_ratios if pairing else [],
                **judged.model_dump(),
            )
        )
    return ResultsDocument(run=run, verdict=overall([result.verdict for result in results]), scenarios=results)


def _repetitions(store: Store, run_id: str, scenario: str) -> list[RepetitionSummary]:
    repetitions = store.repetitions(run_id, scenario)
    if len(repetitions) == 1:  # the document has it whole
        return []
    return [
        RepetitionSummary(
            started_at=whole.started_at,
            p50_s=whole.p50_s,
            p95_s=whole.p95_s,
            success_rate=whole.success_rate,
            reported=repetition.reported,
            trusted=repetition.trusted,
        )
        for repetition, whole in ((repetition, repetition.measurements[0]) for repetition in repetitions)
    ]


def _compared_with(store: Store, verdict: ScenarioVerdict) -> list[Measurement]:
    if verdict.baseline_run is None or not store.has_run(verdict.baseline_run):
        return []
    measurements = store.measurements(verdict.baseline_run, verdict.scenario)
    return [one for one in measurements if not isinstance(one.response, PrunedHistogram)]


def _unjudged(scenario: str, failure: MeasurementFailure | None, measured: bool) -> ScenarioVerdict:
    """The verdict of a scenario that was not judged yet."""
    if failure is not None:
        finding = Finding(code=failure.code, parameters=failure.parameters)
    else:
        finding = Finding(code=FindingCode.NOT_JUDGED if measured else FindingCode.NOT_MEASURED)
    return ScenarioVerdict(scenario=scenario, verdict=Verdict.INVALID, findings=[finding])
