"""The verdicts of a run as JUnit XML, which CI systems show as tests.

A suite per endpoint; a test case for each scenario's measurement, for each of its targets, and for its comparison with
the baseline, the reference or another run. A missed target or a regression is a `failure`, an invalid measurement an
`error`, and what was not compared is `skipped`. The file keeps to the schema of Apache Ant's task, the strictest of
those in use (https://github.com/windyroad/JUnit-Schema): notes therefore stand in the suite's `system-out`.
"""

import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC

from junitparser import (
    Error,
    Failure,
    JUnitXml,
    Properties,
    Property,
    Skipped,
    SystemErr,
    SystemOut,
    TestCase,
    TestSuite,
)
from junitparser.junitparser import FinalResult

from loadtasks.measurement.metrics import METRICS
from loadtasks.plain_text import plain
from loadtasks.report.findings import RenderedFinding, invalid_reasons, render_findings
from loadtasks.report.sentences.targets import render_target
from loadtasks.report.text import label
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import TargetMissed, TargetsMet
from loadtasks.results.judgement import Verdict

MEASUREMENT, COMPARISON = "measurement", "comparison"
"""The names of the two cases that every scenario has besides its targets."""
_MAX_LENGTH = 2_000
"""Characters of a text from outside."""
_MAX_SECONDS = 1e9
"""Beyond it no time is written: the schema has no exponents."""
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What no XML 1.0 document may hold, escaped or not."""
_UNSAID = "no reason was kept"


@dataclass(frozen=True)
class _Case:
    """One test case, before it becomes XML."""

    name: str
    seconds: float = 0.0
    result: FinalResult | None = None
    notes: tuple[str, ...] = ()


@dataclass
class _EndpointCases:
    cases: list[tuple[str, _Case]] = field(default_factory=list)
    """With the name of the scenario."""


def render(document: ResultsDocument) -> bytes:
    """A run as a JUnit file: XML in UTF-8."""
    endpoints: dict[str, _EndpointCases] = {}
    for result in document.scenarios:
        cases = endpoints.setdefault(_text(result.endpoint) or "scenarios", _EndpointCases()).cases
        cases += [(_text(result.scenario), case) for case in _cases(document, result)]
    known = {result.scenario for result in document.scenarios}
    reasons = invalid_reasons(document)
    for scenario in dict.fromkeys(document.run.scenarios):
        if scenario not in known:
            error = _result(Error, "not_measured", reasons.get(label(scenario), _UNSAID))
            cases = endpoints.setdefault(_text(scenario.partition(".")[0]) or "scenarios", _EndpointCases()).cases
            cases.append((_text(scenario), _Case(MEASUREMENT, result=error)))
    whole = JUnitXml()
    for number, (endpoint, suite) in enumerate(endpoints.items()):
        whole.append(_suite(document, number, endpoint, suite.cases))
    written = io.BytesIO()
    whole.write(written, pretty=True)
    return written.getvalue()


def _suite(document: ResultsDocument, number: int, endpoint: str, cases: Sequence[tuple[str, _Case]]) -> TestSuite:
    run = document.run
    suite = TestSuite(endpoint)
    suite.hostname = _text(run.generator) or "localhost"
    suite.timestamp = f"{run.started_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"
    suite._elem.attrib |= {"package": _text(run.service) or "service", "id": str(number)}
    properties = Properties()
    for name, value in _properties(document).items():
        properties.add_property(Property(name, _text(value)))
    suite.append(properties)
    names: Counter[tuple[str, str]] = Counter()
    notes = []
    for scenario, case in cases:
        names[scenario, case.name] += 1
        again = names[scenario, case.name]
        test = TestCase(case.name if again == 1 else f"{case.name} ({again})", scenario or endpoint)
        test.time = round(min(case.seconds, _MAX_SECONDS), 3)
        if case.result is not None:
            test.append(case.result)
        suite.append(test)
        notes += [f"{scenario}: {test.name}: {note}" for note in case.notes]
    suite.append(SystemOut("\n".join(notes)))
    suite.append(SystemErr(""))
    suite.update_statistics()
    return suite


def _properties(document: ResultsDocument) -> dict[str, str]:
    run = document.run
    known = {
        "run": run.id,
        "service": run.service,
        "target": run.target_url,
        "target_version": run.target_version,
        "reference": run.reference_url,
        "reference_version": run.reference_version,
        "other_run": document.other_run,
        "verdict": document.verdict.value,
        "load_factor": f"{run.load_factor:g}",
    }
    return {name: value for name, value in known.items() if value}


def _cases(document: ResultsDocument, result: ScenarioResult) -> Iterator[_Case]:
    """The cases of one scenario: its measurement, its targets, its comparison."""
    rendered = render_findings(result)
    seconds = result.measurements[0].elapsed_s if result.measurements else 0.0
    yield _measurement(result, rendered, seconds)
    if result.verdict is not Verdict.INVALID:
        yield from _targets(result, rendered)
        yield _comparison(result, rendered)


def _measurement(result: ScenarioResult, rendered: Sequence[RenderedFinding], seconds: float) -> _Case:
    notes = tuple(
        _note(found)
        for found in rendered
        if found.kind is FindingKind.NOTE and found.finding.kind is not FindingKind.TARGET
    )
    if result.verdict is not Verdict.INVALID:
        return _Case(MEASUREMENT, seconds, notes=notes)
    doubts = [found for found in rendered if found.finding.kind is FindingKind.VALIDITY]
    code = doubts[0].finding.code.value if doubts else "invalid"
    error = _result(Error, code, *(_with_next_step(doubt) for doubt in doubts))
    return _Case(MEASUREMENT, seconds, error, notes)


def _targets(result: ScenarioResult, rendered: Sequence[RenderedFinding]) -> Iterator[_Case]:
    causes = [_with_next_step(found) for found in rendered if found.finding.kind is FindingKind.DIAGNOSIS]
    for found in rendered:
        if found.finding.kind is not FindingKind.TARGET:
            continue
        name = _target_name(found.finding)
        if found.finding.misses_target:
            yield _Case(name, result=_result(Failure, found.finding.code.value, found.sentence, *causes))
        else:
            yield _Case(name, notes=(f"missed, which decides nothing: {found.sentence}",))
    for finding in result.findings:
        if isinstance(finding.parameters, TargetsMet):
            for met in finding.parameters.targets:
                yield _Case(_demanded(met.part, met.metric, met, met.severity))


def _target_name(finding: Finding) -> str:
    if isinstance(finding.parameters, TargetMissed):
        return _demanded(finding.part, finding.metric, finding.parameters, finding.severity)
    if finding.code is FindingCode.NOTHING_SUCCEEDED:
        return _of_part(finding.part, "any request succeeds")
    expectation = getattr(finding.parameters, "expectation", "") or finding.code.value.replace("_", " ")
    return _of_part(finding.part, f"{METRICS[finding.metric].label} " if finding.metric in METRICS else "", expectation)


def _demanded(part: str, metric: str, demand: TargetMissed, severity: Severity) -> str:
    """What a target demands, the same whether it is met or missed: `p95 < 2.00 s`."""
    name = METRICS[metric].label if metric in METRICS else metric
    what = f"{name} {render_target(metric, demand.bounds)}" if demand.bounds else f"{name} {demand.expectation}"
    remarks = ["built-in"] * demand.built_in + [severity.value] * (severity is not Severity.CRITICAL)
    return _of_part(part, what, f" ({', '.join(remarks)})" if remarks else "")


def _of_part(part: str, *pieces: str) -> str:
    return _text(f"{part}: " if part else "", *pieces) or "target"


def _comparison(result: ScenarioResult, rendered: Sequence[RenderedFinding]) -> _Case:
    history = tuple(_note(found) for found in rendered if found.finding.kind is FindingKind.HISTORY)
    worse = [found for found in rendered if found.finding.kind is FindingKind.REGRESSION]
    if worse:
        causes = [found for found in rendered if found.finding.kind is FindingKind.DIAGNOSIS]
        texts = (*(found.sentence for found in worse), *map(_with_next_step, causes))
        return _Case(COMPARISON, result=_result(Failure, worse[0].finding.code.value, *texts), notes=history)
    if result.comparisons:
        better = tuple(_note(found) for found in rendered if found.finding.kind is FindingKind.IMPROVEMENT)
        return _Case(COMPARISON, notes=better + history)
    return _Case(COMPARISON, result=_result(Skipped, "not_compared", "; ".join(history) or "nothing to compare with"))


def _note(found: RenderedFinding) -> str:
    return _text(f"{found.title.lower()}: " if found.has_title else "", found.sentence)


def _with_next_step(found: RenderedFinding) -> str:
    sentence = found.sentence if found.finding.kind is not FindingKind.DIAGNOSIS else f"{found.title}: {found.sentence}"
    return f"{sentence}. {found.next_step}" if found.next_step else sentence


def _result(kind: type[FinalResult], code: str, *texts: str) -> FinalResult:
    """A result whose message is the first text, and whose content are all of them."""
    lines = [_text(text) for text in texts] or [_UNSAID]
    if kind is Skipped:  # which has no type, nor any content
        return Skipped(lines[0])
    made = kind(lines[0], code)
    made.text = "\n".join(lines)
    return made


def _text(*pieces: str) -> str:
    """A text from outside as one line that XML can hold."""
    return _NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", plain("".join(pieces)))[:_MAX_LENGTH]
