"""Findings that versions before revision 0008 stored as sentences, as codes with parameters."""

from typing import Any

import pytest

from loadtasks.report import sentences
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.migrations.old_sentences import StoredVerdict, convert, failure

STORED: list[tuple[str, str, FindingCode, dict[str, Any]]] = [
    # kind, sentence, code, some parameters
    ("validity", "was not measured", FindingCode.NOT_MEASURED, {}),
    ("validity", "nothing was scheduled, so nothing was measured", FindingCode.NOTHING_SCHEDULED, {}),
    (
        "validity",
        "the conservation law is broken: 10 scheduled, but 5 completed + 0 throttled + 2 failed + 1 dropped + 1 in "
        "flight; the load engine lost count, so none of its numbers hold",
        FindingCode.CONSERVATION_VIOLATED,
        {"scheduled": 10, "in_flight": 1},
    ),
    (
        "validity",
        "none of 1,000 requests was admitted: 1,000 were throttled (429 or 503 with Retry-After), so nothing was "
        "measured; ask for a higher limit or send less",
        FindingCode.EVERYTHING_THROTTLED,
        {"scheduled": 1000, "statuses": (429, 503)},
    ),
    (
        "validity",
        "none of 20 requests reached the target, e.g. GET /stats: refused",
        FindingCode.TARGET_NOT_REACHED,
        {"scheduled": 20, "sample": "GET /stats: refused"},
    ),
    (
        "validity",
        "process 2: the generator used 98% of a core (limit 90%): it was saturated at 500 requests/s of the 38,000/s "
        "that it can send here at best, and its times are its own; ask for less load",
        FindingCode.GENERATOR_SATURATED,
        {},
    ),
    ("validity", "http://x refuses connections; start it.", FindingCode.MEASUREMENT_FAILED, {}),
    (
        "validity",
        "the target stopped answering while thing.x was measured; what it showed is kept, not judged: refused",
        FindingCode.TARGET_STOPPED_RESPONDING,
        {"detail": "refused"},
    ),
    ("target", "p95 3.02 s, target < 2.00 s", FindingCode.TARGET_MISSED, {}),
    ("target", "40 requests throttled, target 0", FindingCode.TARGET_MISSED, {}),
    ("note", "p95 3.00 s, target ≥ 1.00 s and ≤ 2.00 s (warning)", FindingCode.TARGET_MISSED, {}),
    (
        "note",
        "no target: there is no suite find.json, so only validity and history are judged",
        FindingCode.NO_TARGET,
        {"endpoint": "find"},
    ),
    (
        "note",
        "not known: 10 requests can't tell a p95; it takes 72, so its target judges these requests alone",
        FindingCode.INSUFFICIENT_SAMPLE,
        {"needed": 72},
    ),
    (
        "note",
        "not known: so few requests can't tell a p95 (all 20, sessions 1); it takes 72, so its target judges these "
        "requests alone",
        FindingCode.INSUFFICIENT_SAMPLE,
        {"needed": 72},
    ),
    (
        "note",
        "40 of 120 requests were throttled (429 with Retry-After): the times are those of the 80 admitted ones; ask "
        "for a higher limit or send less",
        FindingCode.THROTTLED,
        {"throttled": 40, "scheduled": 120},
    ),
    (
        "note",
        "throttling is wanted here: none of 100 requests was throttled",
        FindingCode.THROTTLING_EXPECTED,
        {"throttled": 0, "held": True},
    ),
    (
        "history",
        "not compared: 13 more nights of this kind are needed to tell a change from noise",
        FindingCode.BASELINE_TOO_SHORT,
        {"missing_runs": 13},
    ),
    (
        "history",
        "not compared: since run night-024 its load is 9 requests, not 100 requests, 10 workers, so a new level begins",
        FindingCode.NOT_COMPARABLE,
        {"now": "9 requests", "before": "100 requests, 10 workers", "other_run": "night-024", "new_baseline": True},
    ),
    (
        "history",
        "not compared: since run night-024 what is sent has changed, so a new level begins",
        FindingCode.NOT_COMPARABLE,
        {"other_run": "night-024"},
    ),
    (
        "history",
        "the target's own metrics can't be used: 404",
        FindingCode.TARGET_METRICS_UNREADABLE,
        {"problem": "404"},
    ),
    ("diagnosis", "the cause can't be told from what was measured", FindingCode.CAUSE_UNKNOWN, {}),
    (
        "diagnosis",
        "the database: the target's phase db carries 93.3 % of the growth (from 100 ms to 1.50 s a request) (not "
        "certain: means of only 10 requests are a matter of chance)",
        FindingCode.DATABASE_SLOW,
        {},
    ),
    (
        "diagnosis",
        "an error in the target: 50 of 100 requests (50.0 %) were answered 500 Internal Server Error, e.g. GET /x: "
        "answered 500, expected 2xx",
        FindingCode.SERVER_ERROR,
        {"status": 500, "count": 50, "sample": "GET /x: answered 500, expected 2xx"},
    ),
    (
        "diagnosis",
        "50 of 100 requests (50.0 %) failed in TLS, e.g. GET /stats: tls",
        FindingCode.TLS_FAILED,
        {"count": 50, "scheduled": 100, "sample": "GET /stats: tls"},
    ),
]


def converted(kind: str, sentence: str, **changes: Any) -> Finding:
    """A stored finding of a scenario that was measured twice and has an open regression."""
    stored = {
        "kind": kind,
        "part": "",
        "metric": "",
        "observed": None,
        "limit": None,
        "sentence": sentence,
        "next_step": "",
        "sure": True,
    } | changes
    repetition = {"p50_s": 0.1, "p95_s": 0.2, "success_rate": 1.0, "trusted": True}
    verdict = StoredVerdict(
        scenario="dashboard.concurrent",
        findings=[stored],
        repetitions=[repetition | {"reported": False}, repetition | {"reported": True}],
        started_at={"night-025": "2026-11-24T02:00:00+00:00"},
        regressions=[{"id": 7, "part": "", "first_run": "night-025", "found_run": "night-027"}],
    )
    return Finding.model_validate(convert(stored, verdict))


@pytest.mark.parametrize(("kind", "sentence", "code", "parameters"), STORED)
def test_a_sentence_becomes_its_code_with_parameters_and_a_sentence_again(
    kind: str, sentence: str, code: FindingCode, parameters: dict[str, Any]
) -> None:
    finding = converted(kind, sentence)
    assert finding.code is code
    assert {name: getattr(finding.parameters, name) for name in parameters} == parameters
    assert sentences.sentence(finding)


def test_the_numbers_of_a_finding_stay() -> None:
    finding = converted("target", "p95 3.02 s, target < 2.00 s", part="list", metric="p95_s", observed=3.0, limit=2.0)
    assert (finding.part, finding.metric, finding.observed, finding.limit) == ("list", "p95_s", 3.0, 2.0)
    assert finding.severity is Severity.CRITICAL
    assert converted("note", "p95 3.00 s, target ≤ 2.00 s (warning)").severity is Severity.WARNING


@pytest.mark.parametrize(("sure", "likelihood"), [(True, Likelihood.LIKELY), (False, Likelihood.POSSIBLE)])
def test_a_sure_cause_is_likely(sure: bool, likelihood: Likelihood) -> None:
    assert converted("diagnosis", "a rule of long ago", sure=sure).likelihood is likelihood


@pytest.mark.parametrize("kind", FindingKind)
def test_what_no_pattern_knows_stays_a_text_of_its_kind(kind: FindingKind) -> None:
    if kind is FindingKind.VALIDITY:
        pytest.skip("every such sentence is the detail of a failure")
    finding = converted(kind.value, "a sentence of long ago", next_step="do something")
    assert (finding.code, finding.kind) == (FindingCode.TEXT, kind)
    assert sentences.sentence(finding) == "a sentence of long ago"
    assert sentences.next_step(finding) == "do something"


@pytest.mark.parametrize(
    ("sentence", "code", "detail"),
    [
        ("interrupted; nothing of this scenario was kept.", FindingCode.INTERRUPTED, ""),
        (
            "the load engine failed: KeyError('x'); nothing of this scenario was kept.",
            FindingCode.ENGINE_FAILED,
            "KeyError('x')",
        ),
        (
            "http://x refuses connections; start it.",
            FindingCode.MEASUREMENT_FAILED,
            "http://x refuses connections; start it.",
        ),
    ],
)
def test_a_stored_failure_has_a_code_and_its_detail(sentence: str, code: FindingCode, detail: str) -> None:
    assert failure(sentence) == (code.value, detail)
