"""The lines at the head of a report."""

from loadtasks.report.at_a_glance import MAX_NAMED, at_a_glance
from loadtasks.report.charts.states import ChartState
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples


def _lines(*results: object) -> dict[ChartState, list[tuple[str, str]]]:
    document = samples.document(*results)  # type: ignore[arg-type]
    return {line.state: [(item.label, item.said) for item in line.items] for line in at_a_glance(document)}


def test_a_scenario_that_missed_a_target_and_regressed_is_on_both_lines() -> None:
    both = samples.result(
        "dashboard.sustained", Verdict.FAIL, samples.missed("p95_s", 3, 2), samples.worse("p50_s", 1.5, 1)
    )
    assert _lines(both) == {
        ChartState.FAIL: [("dashboard.sustained", "p95")],
        ChartState.REGRESSED: [("dashboard.sustained", "p50 +50 %")],
    }


def test_parts_are_named_and_what_is_invalid_says_nothing_else() -> None:
    assert _lines(samples.part_missed()) == {ChartState.FAIL: [("mixed.concurrent (sessions)", "mean")]}
    invalid = samples.result("dashboard.sustained", Verdict.INVALID, samples.missed("p95_s", 3, 2))
    assert _lines(invalid) == {ChartState.INVALID: [("dashboard.sustained", "")]}


def test_a_run_in_which_all_passed_has_no_line() -> None:
    assert at_a_glance(samples.document()) == []


def test_of_many_scenarios_the_first_are_named_and_one_more_is_never_left_over() -> None:
    for number, named in ((MAX_NAMED + 1, MAX_NAMED + 1), (MAX_NAMED + 2, MAX_NAMED)):
        (line,) = at_a_glance(samples.document(*(samples.unreachable(f"a.n{name}") for name in range(number))))
        assert (len(line.named), line.more) == (named, number - named)
