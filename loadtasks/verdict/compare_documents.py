"""Compares two results documents."""

from collections.abc import Sequence
from typing import Any

from loadtasks.errors import BadInputError
from loadtasks.measurement.metrics import BASELINE_METRICS
from loadtasks.measurement.model import Measurement, metric
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import NotComparable
from loadtasks.results.fingerprint import Difference, Fingerprint
from loadtasks.results.judgement import MetricComparison, Verdict, overall
from loadtasks.verdict.compare_run import FROM_COMPARING, verdict_of
from loadtasks.verdict.history.findings import compare_metric


def compare_documents(document: ResultsDocument, other: ResultsDocument) -> ResultsDocument:
    """A document compared with another. Two runs alone don't show what is noise, so no regression is claimed.

    Raises:
        BadInputError: nothing in the one can be compared with the other.
    """
    others = {scenario.scenario: scenario for scenario in other.scenarios if scenario.verdict is not Verdict.INVALID}
    scenarios, refused = [], []
    for result in document.scenarios:
        earlier = others.get(result.scenario)
        kept = [finding for finding in result.findings if finding.kind not in FROM_COMPARING]
        changes: dict[str, Any] = {
            "findings": kept,
            "comparisons": [],
            "baseline_run": None,
            "baseline": [],
            "round_ratios": [],
        }
        changes["verdict"] = verdict_of(result.verdict, kept)
        if earlier is not None and earlier.measurements and result.measurements:
            difference = Fingerprint.of(document.run, result.measurements[0]).unlike(
                Fingerprint.of(other.run, earlier.measurements[0])
            )
            if difference is None:
                changes["comparisons"] = _side_by_side(result.measurements, earlier.measurements)
                changes |= {"baseline_run": other.run.id, "baseline": list(earlier.measurements)}
            else:
                refused.append(f"{result.scenario} differs in {_difference(difference)}")
                kept.append(
                    Finding(
                        code=FindingCode.NOT_COMPARABLE,
                        parameters=NotComparable.of(difference, other.run.id, new_baseline=False),
                    )
                )
        scenarios.append(result.model_copy(update=changes))
    if refused and not any(scenario.comparisons for scenario in scenarios):
        raise BadInputError(f"runs {document.run.id} and {other.run.id} can't be compared: {'; '.join(refused)}.")
    verdict = overall([scenario.verdict for scenario in scenarios])
    return document.model_copy(update={"scenarios": scenarios, "verdict": verdict, "other_run": other.run.id})


def _difference(difference: Difference) -> str:
    """What differs, with its values where they are short."""
    if isinstance(difference.now, dict | bool):
        return difference.field.label
    return f"{difference.field.label} ({difference.now} here, {difference.before} there)"


def _side_by_side(measurements: Sequence[Measurement], others: Sequence[Measurement]) -> list[MetricComparison]:
    before = {other.part: other for other in others}
    return [
        compared
        for measurement in measurements
        if measurement.part in before
        for name in BASELINE_METRICS
        if _has_one_definition(name, measurement, before[measurement.part])
        if (compared := compare_metric(measurement, name, metric(before[measurement.part], name))) is not None
    ]


def _has_one_definition(name: str, measurement: Measurement, other: Measurement) -> bool:
    """Whether a metric means the same in both: the throughput of a document of version 5 holds the stragglers."""
    return name != "throughput_per_s" or (measurement.duration_s is None) == (other.duration_s is None)
