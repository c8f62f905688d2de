"""Where the time went, against the baseline."""

from loadtasks import units
from loadtasks.measurement.model import Phase
from loadtasks.measurement.target_metrics import TargetMetrics
from loadtasks.report import html, phases
from loadtasks.results.document import ScenarioResult
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples
from tests.loadtasks.report.pages import parse


def result() -> ScenarioResult:
    """A scenario whose cache gave 90 % of the responses before, and now gives half of them."""
    made = samples.result("dashboard.sustained", Verdict.PASS)
    for measurement, hits in ((made.measurements[0], 50), (made.baseline[0], 90)):
        measurement.phases["server:cache"] = Phase(
            count=100, total_s=0.1, max_s=0.01, outcomes={"hit": hits, "miss": 100 - hits}
        )
        measurement.phases["waiting"] = Phase(count=100, total_s=0.0, max_s=0.0)
    return made


def test_the_hit_ratio_of_a_cache_is_shown_with_that_of_the_baseline() -> None:
    section = parse(html.render(samples.document(result()))).one("section", id="scenario-dashboard.sustained")
    table = next(table.rows() for table in section.all("table") if "Side" in table.rows()[0])
    (cache,) = (dict(zip(table[0], row, strict=True)) for row in table[1:] if row[1] == "cache")
    assert cache["Outcomes"] == "hit 50.0 %, miss 50.0 % (hit 90.0 % in the baseline)"
    assert cache["Mean"] == cache["Baseline"] == "1.00 ms"
    assert [row[1] for row in table[1:]] == ["connect", "to the first byte", "body", "cache", "db", "serialize"]


def test_without_a_comparable_baseline_none_is_shown() -> None:
    incomparable = result().model_copy(update={"comparisons": []})
    (cache,) = (row for row in phases.rows(incomparable) if row.name == "cache")
    assert cache.outcomes == "hit 50.0 %, miss 50.0 %"
    assert cache.before is None


def test_a_phases_names_and_outcomes_are_shown_as_text_alone() -> None:
    made = result()
    made.measurements[0].phases["server:<script>"] = Phase(count=1, total_s=1, max_s=1, outcomes={"<b>\n": 1})
    page = html.render(samples.document(made))
    assert "<script>" not in page
    assert "<b>\n" not in page
    assert "&lt;b&gt; 100 %" in page


def test_the_targets_own_metrics_are_shown_in_short() -> None:
    made = result()
    now = TargetMetrics(
        counters={"a_total": 7, "b_total": 5000, "seconds_sum": 9000} | {f"c{number}_total": 1 for number in range(50)},
        gauges={"pool_max": (2, 2), "open": (3, 5), "calm": (1, 1)},
    )
    before = TargetMetrics(counters={"b_total": 100}, gauges={"pool_max": (4, 4), "calm": (1, 1)})
    made.measurements[0] = made.measurements[0].model_copy(update={"target_metrics": now})
    made.baseline[0] = made.baseline[0].model_copy(update={"target_metrics": before})
    section = parse(html.render(samples.document(made))).one("section", id="scenario-dashboard.sustained")
    rows = next(table.rows() for table in section.all("table") if table.rows()[0] == ["Metric", "This run", "Baseline"])
    assert rows[1:5] == [
        ["pool_max", "2", "4"],
        ["open", "3 to 5", units.MISSING],
        ["b_total", "+5,000", "+100"],
        ["a_total", "+7", units.MISSING],
    ]
    assert len(rows) == 13
    assert "own metrics" not in html.render(samples.document(result()))
