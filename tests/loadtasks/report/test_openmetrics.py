"""The OpenMetrics exposition of a run, as the parser of prometheus-client reads it."""

import pytest
from prometheus_client.core import Metric
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from loadtasks.measurement.metrics import METRICS
from loadtasks.report import openmetrics
from loadtasks.results.document import ResultsDocument
from tests.loadtasks.report import samples
from tests.loadtasks.report.reviews import DOCUMENTS


def read(document: ResultsDocument) -> dict[str, Metric]:
    text = openmetrics.render(document).decode()
    assert text.endswith("# EOF\n")
    return {family.name: family for family in text_string_to_metric_families(text)}


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_exposition_is_valid(kind: str) -> None:
    families = read(DOCUMENTS[kind])
    for metric in METRICS.values():
        name = openmetrics.exposed_name(metric)
        if name in families:
            assert families[name].unit in ("seconds", "per_second", "ratio", "requests")
            assert families[name].documentation.lower().startswith(metric.label.lower())


def test_every_metric_of_the_registry_has_its_value_and_its_unit() -> None:
    document = samples.document()
    families, (first, *_) = read(document), document.scenarios
    measurement = first.measurements[0]
    series = {"service": "127.0.0.1:8000", "scenario": first.scenario, "part": "", "endpoint": first.endpoint}
    for metric in METRICS.values():
        value = metric.value(measurement)
        if value is not None:
            found = [one.value for one in families[openmetrics.exposed_name(metric)].samples if one.labels == series]
            assert found == [pytest.approx(value)]
    assert openmetrics.exposed_name(METRICS["p95_s"]) == "loadtasks_p95_seconds"
    assert openmetrics.exposed_name(METRICS["throughput_per_s"]) == "loadtasks_throughput_per_second"
    assert openmetrics.exposed_name(METRICS["success_rate"]) == "loadtasks_success_rate_ratio"


def test_what_differs_in_every_run_is_no_label_of_a_series() -> None:
    one, other = (read(samples.document(id=name, target_version=name)) for name in ("a", "b"))
    for name in one.keys() - {"loadtasks_run"}:
        assert [sample.labels for sample in one[name].samples] == [sample.labels for sample in other[name].samples]
    (run,) = other["loadtasks_run"].samples
    assert (run.labels["run"], run.labels["target_version"]) == ("b", "b")


def test_changes_have_their_interval_and_verdicts_their_state() -> None:
    families = read(DOCUMENTS["regressed"])
    labels = {"scenario": "sessions.concurrent", "metric": "p95_s"}
    for name, value in (("change", 1.021), ("change_low", 0.955), ("change_high", 1.092)):
        found = [
            one.value for one in families[f"loadtasks_{name}_ratio"].samples if labels.items() <= one.labels.items()
        ]
        assert found == [pytest.approx(value)]
    states = {
        sample.labels["loadtasks_verdict"]
        for sample in families["loadtasks_verdict"].samples
        if sample.value == 1 and sample.labels["scenario"] == "dashboard.sustained"
    }
    assert states == {"regressed"}
