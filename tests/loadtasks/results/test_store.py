from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest
from sqlalchemy.exc import IntegrityError

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.errors import BadInputError
from loadtasks.measurement.errors import ErrorCode, ErrorCount
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.metrics import METRICS
from loadtasks.measurement.model import metric
from loadtasks.results.assembly import assemble
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.validity import AccessRefused, FailureDetail, MeasurementFailure
from loadtasks.results.judgement import MetricComparison, ScenarioVerdict, Verdict
from loadtasks.results.pairing import Pairing
from loadtasks.results.store import Store
from tests.findings import text_finding
from tests.measurements import SERVICE, STARTED_AT, failure, measurement, run

DASHBOARD, MIXED = "dashboard.concurrent", "mixed.concurrent"
FIRST, SECOND = "20261124T020000Z-aaaa", "20261125T020000Z-bbbb"


@pytest.fixture
def store(url: str) -> Iterator[Store]:
    with Store.open(url) as opened:
        yield opened


def verdict(scenario: str = DASHBOARD, reached: Verdict = Verdict.PASS, **changes: object) -> ScenarioVerdict:
    return ScenarioVerdict.model_validate({"scenario": scenario, "verdict": reached, **changes})


def judged_run(
    store: Store, run_id: str = FIRST, days: int = 0, reached: Verdict = Verdict.PASS, **changes: object
) -> None:
    """A whole run with one scenario measured and judged."""
    store.open_run(run(run_id, started_at=STARTED_AT + timedelta(days=days), scenarios=[DASHBOARD], **changes))
    store.save_measurements(run_id, DASHBOARD, [measurement(DASHBOARD, started_at=STARTED_AT + timedelta(days=days))])
    store.save_verdicts(run_id, [verdict(reached=reached)])
    store.close_run(run_id, reached, STARTED_AT + timedelta(days=days, minutes=5))


def test_a_run_comes_back_as_it_was(store: Store) -> None:
    opened = run(
        target_version=None, load_factor=0.5, started_at=datetime(2026, 11, 24, 3, tzinfo=timezone(timedelta(hours=1)))
    )
    kept = store.open_run(opened)
    assert kept == opened.model_copy(update={"sequence": 1})
    assert store.run(kept.id) == kept
    assert store.run(kept.id).started_at.tzinfo is UTC
    assert store.runs() == [(kept, None)]


def test_a_closed_run_has_its_verdict_and_its_end(store: Store) -> None:
    store.open_run(run())
    ended = STARTED_AT + timedelta(minutes=3)
    store.close_run(FIRST, Verdict.REGRESSED, ended)
    assert store.runs() == [(run(ended_at=ended, sequence=1), Verdict.REGRESSED)]


def test_runs_are_listed_newest_first(store: Store) -> None:
    for run_id, days in (("b", 1), ("c", 3650), ("a", 0)):  # the clock of c was wrong
        store.open_run(run(run_id, started_at=STARTED_AT + timedelta(days=days)))
    assert store.run_ids() == ["a", "c", "b"]
    assert [found.id for found, _ in store.runs(limit=2)] == ["a", "c"]
    store.open_run(run("c"))
    assert store.run_ids() == ["c", "a", "b"]


def test_an_unknown_run_is_named_with_the_newest_ones(store: Store) -> None:
    store.open_run(run())
    for ask in (store.run, store.measurements, store.failures, store.verdicts):
        with pytest.raises(BadInputError, match=f"there is no run 'nope'; the newest are {FIRST}"):
            ask("nope")
    with pytest.raises(BadInputError, match="no run 'nope'"):
        store.save_measurements("nope", DASHBOARD, [measurement()])
    with pytest.raises(BadInputError, match="no run 'nope'"):
        store.save_failure("nope", DASHBOARD, failure("gone"))


def test_measurements_come_back_exactly_and_in_the_planned_order(store: Store) -> None:
    store.open_run(run(scenarios=[MIXED, DASHBOARD]))
    mixed = [
        measurement(MIXED, times_s=[0.1, 0.2, 7.0], failed=2, in_flight=1),
        measurement(MIXED, part="websocket", times_s=[], failed=3, connect_mean_s=None),
        measurement(MIXED, part="dashboard", server={"db": 0.01}, scheduled=120),
    ]
    said = "NUL \0, lone \ud800, \N{SNOWMAN}"
    kept = said.replace("\0", "\N{SYMBOL FOR NULL}").replace("\ud800", "\N{REPLACEMENT CHARACTER}")
    cut, alone = (
        [measurement(DASHBOARD, errors=[ErrorCount(code=ErrorCode.CUT, count=1, sample=sample)])]
        for sample in (said, kept)
    )
    store.save_measurements(FIRST, DASHBOARD, cut)
    store.save_measurements(FIRST, MIXED, mixed)
    assert store.measurements(FIRST) == [*mixed, *alone]
    assert store.measurements(FIRST, DASHBOARD) == alone
    assert store.measurements(FIRST)[0].response == mixed[0].response


def test_a_retried_scenario_replaces_what_it_left(store: Store) -> None:
    store.open_run(run())
    again = measurement(DASHBOARD, times_s=[0.3])
    store.save_measurements(FIRST, MIXED, [measurement(MIXED)])
    store.save_failure(FIRST, DASHBOARD, failure("the target was gone"))
    assert store.failures(FIRST) == {DASHBOARD: failure("the target was gone")}
    store.save_measurements(FIRST, DASHBOARD, [measurement(DASHBOARD)])
    store.save_measurements(FIRST, DASHBOARD, [again])
    assert store.measurements(FIRST) == [again, measurement(MIXED)]
    assert store.failures(FIRST) == {}
    store.save_failure(FIRST, DASHBOARD, failure("gone again, with a NUL \0"))
    assert store.measurements(FIRST) == [measurement(MIXED)]
    assert store.failures(FIRST) == {DASHBOARD: failure("gone again, with a NUL \N{SYMBOL FOR NULL}")}
    access = AccessRefused(method="GET", path="/x", status=403, scheme="Bearer", credentials=("X-API-Key",))
    refused = MeasurementFailure(code=FindingCode.ACCESS_REFUSED, access=access)
    store.save_failure(FIRST, DASHBOARD, refused)
    assert store.failures(FIRST) == {DASHBOARD: refused}


def test_half_written_measurements_are_not_kept(store: Store) -> None:
    store.open_run(run())
    store.save_measurements(FIRST, DASHBOARD, [measurement(DASHBOARD)])
    twice_the_same_part = [measurement(DASHBOARD, times_s=[9.0]), measurement(DASHBOARD, times_s=[9.0])]
    with pytest.raises(IntegrityError):
        store.save_measurements(FIRST, DASHBOARD, twice_the_same_part)
    assert store.measurements(FIRST) == [measurement(DASHBOARD)]
    with pytest.raises(ValueError, match=MIXED):
        store.save_measurements(FIRST, DASHBOARD, [measurement(MIXED)])


def test_a_run_opened_again_starts_empty(store: Store) -> None:
    judged_run(store, SECOND)
    judged_run(store)
    store.open_run(run(target_version="2.0"))
    assert store.run(FIRST).target_version == "2.0"
    assert assemble(store, FIRST).scenarios[0].measurements == []
    assert store.verdicts(FIRST) == []
    assert store.measurements(SECOND) != []


def test_verdicts_replace_the_runs_earlier_ones(store: Store) -> None:
    store.open_run(run())
    full = verdict(
        MIXED,
        Verdict.FAIL,
        findings=[
            text_finding(FindingKind.TARGET, part="sessions", metric="p95_s", observed=3.0, limit=2.0),
            Finding(code=FindingCode.CAUSE_UNKNOWN, likelihood=Likelihood.POSSIBLE),
        ],
        comparisons=[MetricComparison(metric="p50_s", observed=0.2, baseline=0.0, ratio=None)],
        baseline_run="another",
    )
    store.save_verdicts(FIRST, [verdict(), full])
    store.save_verdicts(FIRST, [full, verdict()])
    assert store.verdicts(FIRST) == [full, verdict()]


def test_the_newest_approval_is_the_baseline_and_history_is_kept(store: Store) -> None:
    judged_run(store)
    judged_run(store, SECOND, days=1, target_version="1.3.0")
    assert store.approvals.current() == []
    assert store.approvals.approve(FIRST, approved_by="automatic", why="the first") == [DASHBOARD]
    assert store.browser.approved_by_people(SERVICE) == {}
    assert store.approvals.approve(SECOND, approved_by="ann", why="meant so", scenarios=[DASHBOARD]) == [DASHBOARD]
    (current,) = store.approvals.current()
    assert (current.run_id, current.approved_by, current.why) == (SECOND, "ann", "meant so")
    assert store.browser.approved_by_people(SERVICE) == {DASHBOARD: SECOND}
    assert store.browser.approved_by_people("another") == {}
    assert (current.scenario_hash, current.target_version, current.generator) == ("5eed", "1.3.0", run().generator)
    assert [entry.run_id for entry in store.approvals.standing(SERVICE)] == [SECOND, FIRST]


def test_the_first_passing_run_is_the_baseline_of_a_scenario_that_has_none(store: Store) -> None:
    judged_run(store, "failed", reached=Verdict.FAIL)
    judged_run(store, "paired", reference_url="http://127.0.0.1:8001")
    judged_run(store, "elsewhere", service="another")
    store.approvals.approve_first("failed")
    assert store.approvals.current() == []
    judged_run(store)
    judged_run(store, SECOND)
    store.approvals.approve_first(SECOND)
    assert [(one.service, one.run_id, one.approved_by) for one in store.approvals.current()] == [
        (SERVICE, FIRST, "automatic")
    ]
    store.approvals.approve(SECOND, approved_by="ann", why="")
    store.approvals.approve_first(SECOND)
    assert [baseline.run_id for baseline in store.approvals.current()] == [SECOND]


def test_only_what_was_measured_and_is_valid_becomes_a_baseline(store: Store) -> None:
    scenarios = ["good.x", "bad.x", "gone.x", "unjudged.x"]
    store.open_run(run(scenarios=scenarios))
    for name in ("good.x", "bad.x", "unjudged.x"):
        store.save_measurements(FIRST, name, [measurement(name)])
    store.save_failure(FIRST, "gone.x", failure("gone"))
    store.save_verdicts(
        FIRST, [verdict("good.x", Verdict.FAIL), verdict("bad.x", Verdict.INVALID), verdict("gone.x", Verdict.INVALID)]
    )
    for name, why in (
        ("bad.x", "is invalid"),
        ("gone.x", "was not measured"),
        ("unjudged.x", "not been judged"),
        ("x", "not among"),
    ):
        with pytest.raises(BadInputError, match=f"{name} .*{why}"):
            store.approvals.approve(FIRST, approved_by="ann", why="", scenarios=["good.x", name])
    assert store.approvals.current() == []
    assert store.approvals.approve(FIRST, approved_by="ann", why="") == ["good.x"]


def test_measuring_anew_withdraws_the_approval_of_what_it_replaces(store: Store) -> None:
    judged_run(store)
    judged_run(store, SECOND, days=1)
    store.approvals.approve(FIRST, approved_by="ann", why="")
    store.approvals.approve(SECOND, approved_by="ann", why="")
    store.save_measurements(SECOND, DASHBOARD, [measurement(DASHBOARD, times_s=[9.0])])
    assert [baseline.run_id for baseline in store.approvals.current()] == [FIRST]
    store.open_run(run(FIRST))
    assert store.approvals.current() == []


def test_history_is_newest_first_with_verdicts_and_numbers(store: Store) -> None:
    judged_run(store)
    judged_run(store, SECOND, days=1, reached=Verdict.INVALID)
    store.open_run(run("third", started_at=STARTED_AT + timedelta(days=2)))
    latest = measurement(DASHBOARD, started_at=STARTED_AT + timedelta(days=2), times_s=[], failed=1)
    store.save_measurements("third", DASHBOARD, [latest, measurement(DASHBOARD, part="some")])
    history = store.history(SERVICE, DASHBOARD)
    assert [(entry.run_id, entry.verdict) for entry in history] == [
        ("third", None),
        (SECOND, Verdict.INVALID),
        (FIRST, Verdict.PASS),
    ]
    assert history[0].metrics == {name: metric(latest, name) for name in METRICS}
    assert history[0].metrics["p95_s"] is None
    assert history[0].started_at == latest.started_at
    assert [entry.run_id for entry in store.history(SERVICE, DASHBOARD, limit=1)] == ["third"]
    assert [entry.run_id for entry in store.history(SERVICE, DASHBOARD, part="some")] == ["third"]
    assert store.history(SERVICE, "never.measured") == []


def test_the_document_joins_everything_with_the_baselines_measurements(store: Store) -> None:
    judged_run(store)
    store.open_run(run(SECOND, scenarios=[DASHBOARD, "gone.x", "late.x", "unjudged.x"]))
    slow = measurement(DASHBOARD, times_s=[1.0])
    store.save_measurements(SECOND, DASHBOARD, [slow])
    store.save_measurements(SECOND, "unjudged.x", [measurement("unjudged.x")])
    store.save_failure(SECOND, "gone.x", failure("the target was gone"))
    store.save_verdicts(SECOND, [verdict(verdict=Verdict.REGRESSED, baseline_run=FIRST)])
    document = assemble(store, SECOND)
    assert document.verdict is Verdict.REGRESSED
    assert [scenario.scenario for scenario in document.scenarios] == [DASHBOARD, "gone.x", "late.x", "unjudged.x"]
    known, gone, late, unjudged = document.scenarios
    assert (known.measurements, known.baseline) == ([slow], [measurement(DASHBOARD)])
    assert [entry.verdict for entry in (gone, late, unjudged)] == [Verdict.INVALID] * 3
    assert gone.findings[0].parameters == FailureDetail(detail="the target was gone")
    assert [scenario.findings[0].code for scenario in (gone, late, unjudged)] == [
        FindingCode.MEASUREMENT_FAILED,
        FindingCode.NOT_MEASURED,
        FindingCode.NOT_JUDGED,
    ]
    assert type(document).model_validate_json(document.model_dump_json()) == document


def test_a_document_outlives_its_baseline(store: Store) -> None:
    judged_run(store)
    store.save_verdicts(FIRST, [verdict(baseline_run="long gone")])
    assert assemble(store, FIRST).scenarios[0].baseline == []


def test_what_a_generator_can_do_is_kept_by_host(store: Store) -> None:
    store.open_run(run())
    slow, fast = (Calibration(ceiling_per_s=rate, jitter_p99_s=0.0001) for rate in (20_000, 60_000))
    for host, found in (("a-host", slow), ("b-host", slow), ("a-host", fast)):
        store.save_calibration(FIRST, host, found)
    assert store.run(FIRST).calibrations == {"a-host": fast, "b-host": slow}


def test_a_pairing_is_kept_with_its_measurements_and_goes_with_them(store: Store) -> None:
    pairs = RoundRatios(
        candidate_first=[True], saturated=[False], requests=[9], log_ratios={"p50_s": [0.1], "p95_s": [None]}
    )
    pairing = Pairing(reference=[measurement(DASHBOARD, times_s=[0.2] * 9)], round_ratios=[pairs])
    store.open_run(run(reference_url="http://127.0.0.1:8001", reference_version="1.4.2"))
    store.save_measurements(FIRST, DASHBOARD, [measurement(DASHBOARD)], pairing=pairing)
    store.save_measurements(FIRST, MIXED, [measurement(MIXED)], pairing=Pairing(problem="it is down"))
    assert store.pairings(FIRST) == {DASHBOARD: pairing, MIXED: Pairing(problem="it is down")}
    document = assemble(store, FIRST)
    assert document.run.reference_version == "1.4.2"
    assert document.scenarios[0].baseline == pairing.reference
    assert [scenario.round_ratios for scenario in document.scenarios] == [[pairs], []]
    store.save_measurements(FIRST, DASHBOARD, [measurement(DASHBOARD)])
    assert list(store.pairings(FIRST)) == [MIXED]
    store.save_failure(FIRST, MIXED, failure("broke"))
    assert store.pairings(FIRST) == {}


def test_the_newest_scheduled_run_of_each_dag_is_known(store: Store) -> None:
    for number, (dag_id, trigger) in enumerate(
        (("a", "scheduled"), ("b", "scheduled"), ("a", "scheduled"), ("a", "manual"), (None, "command line"))
    ):
        store.open_run(run(f"run-{number}", dag_id=dag_id, trigger=trigger))
    assert {dag_id: found.id for dag_id, found in store.newest_scheduled().items()} == {"a": "run-2", "b": "run-1"}
