"""The JUnit file of a run: its cases, and that it keeps to the schema of Apache Ant's task.

The schema itself (https://github.com/windyroad/JUnit-Schema) is not kept here; what it demands of each element is.
"""

import re
from xml.etree import ElementTree

import pytest

from loadtasks.report import junit
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode, Severity
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import Bound, Comparison, MetTarget, TargetsMet
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples
from tests.loadtasks.report.reviews import DOCUMENTS, compared, paired, regressed, undecided

Element = ElementTree.Element
DECIMAL, WHOLE = r"[+-]?\d+(\.\d*)?", r"\d+"
NEEDED = {
    "testsuites": {},
    "testsuite": {
        "name": r".+",
        "timestamp": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d",
        "hostname": r".+",
        "tests": WHOLE,
        "failures": WHOLE,
        "errors": WHOLE,
        "skipped": WHOLE,
        "time": DECIMAL,
        "package": r".+",
        "id": WHOLE,
    },
    "properties": {},
    "property": {"name": r".+", "value": r".*"},
    "testcase": {"name": r".+", "classname": r".+", "time": DECIMAL},
    "failure": {"message": r".+", "type": r".+"},
    "error": {"message": r".+", "type": r".+"},
    "skipped": {"message": r".+"},
    "system-out": {},
    "system-err": {},
}
"""By element: its attributes, all of which are there."""
CONTENT = {
    "testsuites": r"(testsuite )*",
    "testsuite": r"properties (testcase )*system-out system-err ",
    "properties": r"(property )*",
    "testcase": r"((skipped|error|failure) )?",
}
"""By element: its children, in order; the others have none."""


def written(document: ResultsDocument) -> Element:
    """The root of a document's file, which keeps to the schema."""
    root = ElementTree.fromstring(junit.render(document))
    for number, suite in enumerate(root):
        assert suite.get("id") == str(number)
        assert int(suite.get("tests", "")) == len(suite.findall("testcase"))
        for counted, kind in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.get(counted, "")) == len(suite.findall(f"testcase/{kind}"))
    for element in root.iter():
        assert set(element.attrib) == set(NEEDED[element.tag])
        for name, form in NEEDED[element.tag].items():
            assert re.fullmatch(form, element.attrib[name], re.DOTALL), (element.tag, name)
        assert re.fullmatch(CONTENT.get(element.tag, ""), "".join(f"{child.tag} " for child in element))
    names = [(case.get("classname"), case.get("name")) for case in root.iter("testcase")]
    assert len(names) == len(set(names))
    return root


def outcomes(document: ResultsDocument, scenario: str) -> dict[str, str]:
    """What became of each case of a scenario: `failure`, `error`, `skipped` or `passed`."""
    return {
        str(case.get("name")): case[0].tag if len(case) else "passed"
        for case in written(document).iter("testcase")
        if case.get("classname") == scenario
    }


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_file_keeps_to_the_schema(kind: str) -> None:
    root = written(DOCUMENTS[kind])
    endpoints = [suite.get("name") for suite in root]
    assert len(endpoints) == len(set(endpoints))


def test_a_scenario_has_a_case_for_its_measurement_each_target_and_its_comparison() -> None:
    def met(metric: str, value: float, **fields: object) -> MetTarget:
        bounds = (Bound(comparison=Comparison.BELOW, value=value),)
        return MetTarget.model_validate({"metric": metric, "bounds": bounds, "suite": "dashboard.json"} | fields)

    targets = (met("p99_s", 3.0), met("p50_s", 1.0, severity=Severity.WARNING), met("p95_s", 2.0, built_in=True))
    result = samples.missed_target()
    finding = Finding(code=FindingCode.TARGETS_MET, parameters=TargetsMet(targets=targets))
    document = samples.document(result.model_copy(update={"findings": [*result.findings, finding]}))
    assert outcomes(document, "dashboard.sustained") == {
        "measurement": "passed",
        "success rate ≥ 95.0 %": "failure",
        "p95 < 2.00 s": "failure",
        "p99 < 3.00 s": "passed",
        "p50 < 1.00 s (warning)": "passed",
        "p95 < 2.00 s (built-in)": "passed",
        "comparison": "passed",
    }
    (failure, _) = written(document).iter("failure")
    assert (failure.get("type"), failure.get("message")) == ("target_missed", "success rate 85.0 %, target ≥ 95.0 %")
    assert "93 % of the increase is in the database" in str(failure.text)


def test_a_regression_fails_what_is_invalid_errs_and_what_is_inconclusive_passes_with_a_note() -> None:
    document = paired(regressed(), undecided("sessions.concurrent"), samples.saturated(), samples.not_measured())
    assert outcomes(document, "dashboard.sustained") == {"measurement": "passed", "comparison": "failure"}
    assert outcomes(document, "sessions.concurrent") == {"measurement": "passed", "comparison": "passed"}
    assert outcomes(document, "config_get.concurrent") == {"measurement": "error"}
    assert outcomes(document, "websocket.broadcast") == {"measurement": "error"}
    (notes,) = [suite.findtext("system-out") for suite in written(document) if suite.get("name") == "sessions"]
    assert str(notes).startswith("sessions.concurrent: comparison: inconclusive: p95 +2 % (CI")
    first = samples.document(samples.result("dashboard.concurrent", baseline=False))
    assert outcomes(first, "dashboard.concurrent")["comparison"] == "skipped"


def test_a_planned_scenario_without_a_trace_errs() -> None:
    document = samples.document(samples.result("dashboard.concurrent"), scenarios=["dashboard.concurrent", "gone.x"])
    assert outcomes(document, "gone.x") == {"measurement": "error"}


def test_what_xml_cannot_hold_is_replaced() -> None:
    evil = "\x00\x1b[31m\ufffe<>&\"']]>\u2028 name"
    document = paired(compared(f"{evil}.x", Verdict.PASS), number=1, service=evil, generator=evil, target_version=evil)
    (suite,) = written(document)
    assert suite.get("package") == "[31m\ufffd<>&\"']]> name"
    assert b"\x00" not in junit.render(document)
