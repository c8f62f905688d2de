"""Assembles the results document of a run from what the store has of it."""

from loadtasks.measurement.model import Measurement, by_scenario
from loadtasks.measurement.pruned_histogram import PrunedHistogram
from loadtasks.results.document import RepetitionSummary, ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import MeasurementFailure
from loadtasks.results.judgement import ScenarioVerdict, Verdict, overall
from loadtasks.results.store import Store


def assemble(store: Store, run_id: str) -> ResultsDocument:
    """A run whole, with the measurements that it is compared with.

    That of a pruned run has metrics without histograms: it can be shown, and not be written as results.json.

    Raises:
        BadInputError: no such run.
    """
    run, failures, pairings = store.run(run_id), store.failures(run_id), store.pairings(run_id)
    verdicts = {verdict.scenario: verdict for verdict in store.verdicts(run_id)}
    measured = by_scenario(store.measurements(run_id))
    results = []
    for scenario in dict.fromkeys([*run.scenarios, *measured, *verdicts]):
        measurements = measured.get(scenario, [])
        pairing = pairings.get(scenario)
        judged = verdicts.get(scenario) or _unjudged(scenario, failures.get(scenario), bool(measurements))
        results.append(
            ScenarioResult(
                endpoint=measurements[0].endpoint if measurements else scenario.partition(".")[0],
                measurements=measurements,
                repetitions=_repetitions(store, run_id, scenario),
                baseline=pairing.reference if pairing else _compared_with(store, judged),
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
