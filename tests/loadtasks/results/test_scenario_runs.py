"""The runs of a scenario, alone or with those of all scenarios of its service."""

from loadtasks.measurement.metrics import METRICS
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import BaselineShift
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.repetitions import Repetition, RepetitionReason
from loadtasks.results.store import Store
from tests.measurements import STARTED_AT, measurement, run
from tests.stored_runs import DASHBOARD, SESSIONS, missed

METRICS_READ = ("p50_s", "success_rate")
SHIFT = BaselineShift(ratio=0.8, low=0.7, high=0.9, first_run="run-1", first_run_started_at=STARTED_AT)
GAIN = Finding(code=FindingCode.IMPROVEMENT, metric="p50_s", observed=0.08, limit=0.1, parameters=SHIFT)


def fill(store: Store) -> None:
    """Three runs of a service: one misses a target, one has a gain and a repetition, one is open; one of another."""
    for number, findings in enumerate(([missed()], [GAIN], None)):
        opened = store.open_run(run(f"run-{number}", service="shop", generator=f"host-{number // 2}"))
        level_s = 0.1 + number / 100
        whole = measurement(DASHBOARD, times_s=[level_s] * 20)
        store.save_measurements(opened.id, DASHBOARD, [whole, measurement(DASHBOARD, part="orders")])
        store.save_measurements(opened.id, SESSIONS, [measurement(SESSIONS)])
        if number == 1:
            again = [measurement(DASHBOARD, times_s=[9.0] * 20), measurement(DASHBOARD, part="orders")]
            repetition = Repetition(number=2, reason=RepetitionReason.LEARNING, measurements=again)
            store.add_repetition(opened.id, DASHBOARD, repetition)
        if findings is not None:
            verdict = ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.PASS, findings=findings)
            store.save_verdicts(opened.id, [verdict, ScenarioVerdict(scenario=SESSIONS, verdict=Verdict.INVALID)])
    other = store.open_run(run("other", service="another"))
    store.save_measurements(other.id, DASHBOARD, [measurement(DASHBOARD)])


def test_all_scenarios_of_a_service_are_read_as_each_alone(url: str) -> None:
    with Store.open(url) as store:
        fill(store)
        together = store.browser.runs_of_service("shop", 10, METRICS_READ)
        alone = {name: store.browser.scenario_runs("shop", name, "", 10) for name in (DASHBOARD, SESSIONS)}
        newest = store.browser.runs_of_service("shop", 1, METRICS_READ)
    assert together.keys() == alone.keys()
    for name, runs in together.items():
        assert [(one.run_id, one.sequence, one.verdict, one.valid, one.fingerprint) for one in runs] == [
            (one.run_id, one.sequence, one.verdict, one.valid, one.fingerprint) for one in alone[name]
        ]
        for one, whole in zip(runs, alone[name], strict=True):
            assert one.metrics == {metric: whole.metrics[metric] for metric in METRICS_READ}
            assert whole.metrics.keys() == METRICS.keys()
    assert [one.run_id for one in newest[DASHBOARD]] == ["run-2"]


def test_findings_are_read_only_where_a_baseline_depends_on_them(url: str) -> None:
    with Store.open(url) as store:
        fill(store)
        first, second, third = store.browser.runs_of_service("shop", 10, METRICS_READ)[DASHBOARD]
    assert (first.codes, third.codes) == (frozenset(), frozenset())
    assert list(second.findings(FindingCode.IMPROVEMENT)) == [GAIN]


def test_the_targets_of_a_scenario_are_those_of_the_newest_valid_run_that_judged_them(url: str) -> None:
    ids = ["run-0", "run-1", "run-2"]
    with Store.open(url) as store:
        fill(store)
        assert store.browser.target_findings(ids) == {DASHBOARD: [missed()]}  # run-1 judged none
        for verdict, expected in ((Verdict.INVALID, missed()), (Verdict.FAIL, missed("p50_s"))):
            judged = ScenarioVerdict(scenario=DASHBOARD, verdict=verdict, findings=[GAIN, missed("p50_s")])
            store.save_verdicts("run-2", [judged])
            assert store.browser.target_findings(ids) == {DASHBOARD: [expected]}
        assert store.browser.target_findings(ids[:2]) == {DASHBOARD: [missed()]}
        assert store.browser.target_findings([]) == {}
