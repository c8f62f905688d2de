from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import Protocol
from loadtasks.results.findings.causes.failures import WrongStatus
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.parameters import Parameters
from loadtasks.verdict.causes.diagnosis import diagnose
from tests.loadtasks.verdict.causes.cases import causes, codes, completed, failed, likely, phase
from tests.measurements import measurement


def missed(metric: str, part: str = "") -> Finding:
    return Finding(code=FindingCode.TARGET_MISSED, part=part, metric=metric)


def test_what_is_good_is_not_diagnosed() -> None:
    slow = completed(3.0)
    improved = Finding(code=FindingCode.IMPROVEMENT, metric="p95_s", parameters=Parameters())
    assert diagnose([slow], [], [improved]) == []
    assert diagnose([slow], [], [missed("p95_s", part="sessions")]) == []


def test_a_missed_target_that_decides_nothing_is_not_diagnosed() -> None:
    warning = Finding(code=FindingCode.TARGET_MISSED, severity=Severity.WARNING, metric="p95_s")
    assert diagnose([completed(3.0)], [], [warning]) == []


def test_a_part_that_is_wrong_is_diagnosed_as_that_part() -> None:
    parts = [completed(0.1, part="stats"), completed(3.0, part="list", server={"db": 2.9})]
    (cause,) = diagnose([completed(1.5, 200), *parts], [], [missed("p95_s", part="list")])
    assert (cause.part, cause.code) == ("list", FindingCode.DATABASE_SLOW)


def test_failures_come_before_slowness() -> None:
    now = failed({ErrorCode.STATUS: 50}, {"200": 50, "500": 50})
    found = codes(causes(now, wrong=("p95_s", "success_rate")))
    assert found[0] is FindingCode.SERVER_ERROR
    assert len(found) == 2


def test_a_cause_that_is_unknown_is_said_to_be() -> None:
    (cause,) = causes(measurement(), wrong=("conservation_gap",))
    assert cause.code is FindingCode.CAUSE_UNKNOWN
    assert not likely(cause)


def test_of_a_mixed_scenario_a_failure_is_one_cause_of_the_part_that_failed() -> None:
    sockets = completed(
        0.1, part="events", protocol=Protocol.WEBSOCKET, phases={"upgrade": phase(0.1)}, statuses={"101": 100}
    )
    bad = failed({ErrorCode.STATUS: 50}, {"200": 50, "500": 50}, part="list")
    whole = failed({ErrorCode.STATUS: 50}, {"101": 100, "200": 50, "500": 50}, completed=150)
    for wrong in ([missed("success_rate")], [missed("success_rate"), missed("success_rate", part="list")]):
        (cause,) = diagnose([whole, sockets, bad], [], wrong)
        assert (cause.part, cause.code) == ("list", FindingCode.SERVER_ERROR)
        assert isinstance(cause.parameters, WrongStatus)
        assert (cause.parameters.count, cause.parameters.scheduled) == (50, 100)
