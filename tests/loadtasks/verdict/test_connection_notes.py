"""What is noted of connections though no request failed for it."""

import pytest

from loadtasks.measurement.errors import ErrorCode
from loadtasks.measurement.model import UnreachableAddress
from loadtasks.results.findings.codes import FindingCode, FindingKind, Severity
from loadtasks.results.findings.connections import AddressUnreachable, StaleConnections
from loadtasks.results.judgement import Verdict
from loadtasks.verdict.connection_notes import notes
from loadtasks.verdict.judge_run import judge_run
from tests.measurements import measurement


@pytest.mark.parametrize(("stale", "severity"), [(1, Severity.INFO), (2, Severity.WARNING), (100, Severity.WARNING)])
def test_stale_connections_are_a_warning_above_one_in_a_hundred(stale: int, severity: Severity) -> None:
    (finding,) = notes([measurement(stale_connections=stale)])
    assert (finding.code, finding.severity, finding.observed) == (FindingCode.STALE_CONNECTIONS, severity, stale)
    assert finding.kind is FindingKind.NOTE
    assert finding.parameters == StaleConnections(stale=stale, scheduled=100)


def test_nothing_is_noted_where_nothing_was_stale_and_of_parts() -> None:
    assert list(notes([measurement(), measurement(part="list", stale_connections=3)])) == []


@pytest.mark.parametrize(
    ("address", "code", "severity"),
    [
        ("192.0.2.7", ErrorCode.CONNECT_TIMEOUT, Severity.WARNING),
        ("192.0.2.7", ErrorCode.REFUSED, Severity.WARNING),
        ("2001:db8::7", ErrorCode.UNREACHABLE, Severity.INFO),
        ("::1", ErrorCode.REFUSED, None),
    ],
)
def test_dead_addresses_are_named(address: str, code: ErrorCode, severity: Severity | None) -> None:
    found = list(notes([measurement(unreachable_addresses=[UnreachableAddress(address=address, code=code)])]))
    assert [finding.severity for finding in found] == ([severity] if severity else [])
    assert all(finding.parameters == AddressUnreachable(address=address, error=code) for finding in found)


def test_they_decide_nothing() -> None:
    measured = measurement(stale_connections=50)
    (verdict,) = judge_run([measured.scenario], [measured], {}, [])
    assert verdict.verdict is Verdict.PASS
    assert FindingCode.STALE_CONNECTIONS in {finding.code for finding in verdict.findings}
