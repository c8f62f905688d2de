"""A judged run compared; many runs, one after the other, are in tests/loadtasks/steps/test_many_runs.py."""

from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.history import Confirmation
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.repetitions import Repetition, choose_reported
from loadtasks.verdict.compare_run import KnownHistory, compare_run
from tests.findings import text_finding
from tests.measurements import measurement

DASHBOARD = "dashboard.concurrent"
MISS = text_finding(FindingKind.TARGET, metric="p95_s", observed=3.0, limit=2.0)


def verdict(said: Verdict = Verdict.PASS, *findings: Finding) -> ScenarioVerdict:
    return ScenarioVerdict(scenario=DASHBOARD, verdict=said, findings=list(findings))


def test_a_missed_target_stays_and_gets_its_cause() -> None:
    (compared,) = compare_run([verdict(Verdict.FAIL, MISS)], [measurement(times_s=[3.0])], KnownHistory()).verdicts
    assert compared.verdict is Verdict.FAIL
    assert compared.findings[0] == MISS
    assert compared.findings[1].kind is FindingKind.DIAGNOSIS


def test_of_an_invalid_scenario_nothing_is_claimed() -> None:
    given = verdict(Verdict.INVALID, text_finding(FindingKind.VALIDITY))
    assert compare_run([given], [measurement(times_s=[9.0])], KnownHistory()).verdicts == [given]


def test_what_an_earlier_comparison_found_is_found_anew_or_gone() -> None:
    note = text_finding(FindingKind.NOTE)
    stale = [text_finding(kind) for kind in (FindingKind.REGRESSION, FindingKind.HISTORY)]
    (compared,) = compare_run([verdict(Verdict.REGRESSED, note, *stale)], [measurement()], KnownHistory()).verdicts
    assert (compared.verdict, compared.findings) == (Verdict.PASS, [note])


def test_a_confirmation_states_its_repetitions_and_decides_nothing() -> None:
    slow, fast = (measurement(times_s=[time_s] * 10) for time_s in (0.2, 0.1))
    made = [Repetition(number=1, measurements=[slow]), Repetition(number=2, measurements=[fast])]
    known = KnownHistory(confirmations={DASHBOARD: choose_reported(made)})
    (compared,) = compare_run([verdict()], [fast], known).verdicts
    assert compared.verdict is Verdict.PASS
    (finding,) = compared.findings
    assert (finding.code, finding.kind) == (FindingCode.CONFIRMATION, FindingKind.HISTORY)
    assert isinstance(finding.parameters, Confirmation)
    assert (len(finding.parameters.repetitions), finding.parameters.reported) == (2, 2)
    assert not finding.parameters.confirmed
