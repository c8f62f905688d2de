"""Two results documents side by side."""

import pytest

from loadtasks.errors import BadInputError
from loadtasks.measurement.model import Measurement
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.history import NotComparable
from loadtasks.results.fingerprint import FingerprintField
from loadtasks.results.judgement import Verdict
from loadtasks.verdict.compare_documents import compare_documents
from tests.measurements import measurement, run

SEVEN = {"model": "closed", "workers": 1, "requests": 7}
FAST, SLOW = measurement(times_s=[0.1] * 100), measurement(times_s=[0.4] * 100)
OTHER_LOAD = measurement(load=SEVEN)


def document(*measurements: Measurement, said: Verdict = Verdict.PASS, **changes: str) -> ResultsDocument:
    scenarios = [
        ScenarioResult(
            scenario=measured.scenario,
            endpoint=measured.endpoint,
            verdict=said,
            findings=[],
            comparisons=[],
            baseline_run=None,
            measurements=[measured],
        )
        for measured in measurements
    ]
    return ResultsDocument(run=run(changes.pop("run_id", "now"), **changes), verdict=said, scenarios=scenarios)


def test_numbers_stand_side_by_side_and_nothing_is_claimed() -> None:
    compared = compare_documents(document(SLOW, measurement("new.x")), document(FAST, run_id="old"))
    known, new = compared.scenarios
    assert (compared.verdict, known.findings, known.baseline_run, known.baseline) == (Verdict.PASS, [], "old", [FAST])
    ratios = {comparison.metric: comparison.ratio for comparison in known.comparisons}
    assert ratios["p50_s"] == pytest.approx(4.0, rel=0.002)
    assert (new.comparisons, new.baseline_run) == ([], None)


def test_a_regression_of_the_past_is_none_of_two_files() -> None:
    compared = compare_documents(document(SLOW, said=Verdict.REGRESSED), document(FAST))
    assert (compared.verdict, compared.scenarios[0].verdict) == (Verdict.PASS, Verdict.PASS)


def test_an_invalid_measurement_is_nothing_to_compare_with() -> None:
    compared = compare_documents(document(SLOW), document(FAST, said=Verdict.INVALID))
    assert compared.scenarios[0].comparisons == []


@pytest.mark.parametrize(
    ("now", "before", "difference"),
    [
        (document(SLOW), document(measurement(scenario_hash="other")), "requests (5eed here, other there)"),
        (
            document(SLOW),
            document(measurement(load=SEVEN)),
            "load",
        ),
        (document(SLOW), document(FAST, generator="b"), "load generator (a-host here, b there)"),
        (document(SLOW), document(FAST, target_url="http://b"), "service (127.0.0.1:8000 here, b:80 there)"),
        (
            document(SLOW),
            document(FAST, reference_url="http://b"),
            "paired rounds",
        ),
    ],
)
def test_unlike_ones_are_refused_in_one_sentence(
    now: ResultsDocument, before: ResultsDocument, difference: str
) -> None:
    with pytest.raises(BadInputError) as refused:
        compare_documents(now, before)
    assert str(refused.value) == f"runs now and now can't be compared: dashboard.concurrent differs in {difference}."


def test_one_unlike_scenario_among_others_is_noted() -> None:
    now, before = document(SLOW, measurement("b.x")), document(FAST, measurement("b.x", load=SEVEN))
    noted = compare_documents(now, before).scenarios[1]
    (finding,) = noted.findings
    assert finding.code is FindingCode.NOT_COMPARABLE
    assert finding.parameters == NotComparable(
        field=FingerprintField.LOAD,
        now=FAST.load,
        before=SEVEN,
        other_run="now",
        new_baseline=False,
    )


def test_throughput_is_compared_where_both_documents_mean_the_same_by_it() -> None:
    with_duration = {"duration_s": 2.0, "load": {"model": "closed", "workers": 1, "duration_s": 2.0}}
    new = measurement(times_s=[0.1] * 20, stragglers=1, **with_duration)
    of_version_5 = measurement(times_s=[0.1] * 20, **with_duration | {"duration_s": None})
    for other, is_compared in ((new, True), (of_version_5, False)):
        compared = compare_documents(document(new), document(other, run_id="old"))
        metrics = {comparison.metric for comparison in compared.scenarios[0].comparisons}
        assert ("throughput_per_s" in metrics) is is_compared
        assert "p50_s" in metrics
