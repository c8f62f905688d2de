"""Every code has a sentence, survives storage, and is rendered in each output."""

import html as html_escapes
import io
from collections.abc import Callable, Mapping

import pytest

from loadtasks.plain_text import plain
from loadtasks.report import html, mail_content, markdown, sentences, terminal
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import PARAMETERS, Finding
from loadtasks.results.findings.parameters import Parameters
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples
from tests.loadtasks.report.mails import mail_of
from tests.loadtasks.report.sentences.test_snapshots import ALL, AREAS, EXAMPLES
from tests.measurements import run

_CODES = [code for code in FindingCode if code is not FindingCode.TEXT]
_FOR_PROGRAMS = {FindingCode.TARGETS_MET}
_SUMMARISED = {
    FindingCode.BASELINE_TOO_SHORT,
    FindingCode.NOT_COMPARABLE,
    FindingCode.CLOCK_WENT_BACK,
    FindingCode.REFERENCE_MISSING,
    FindingCode.INSUFFICIENT_SAMPLE,
    FindingCode.RUN_ALLOWANCE,
    FindingCode.OTHER_RUN_NOT_COMPARED,
    FindingCode.THRESHOLD_RAISED,
}
"""Stated once for the whole run, marked in the table, or left to the page."""
_NOT_IN_MAILS = {
    FindingCode.IMPROVEMENT,
    FindingCode.REFERENCE_IMPROVEMENT,
    FindingCode.REGRESSION_ACKNOWLEDGED,
    FindingCode.RECOVERING,
    FindingCode.RECOVERED,
    FindingCode.ACCEPTED_AUTOMATICALLY,
    FindingCode.CREEP,
    FindingCode.SUSPECTED,
    FindingCode.OTHER_RUN_REGRESSION,
    FindingCode.OTHER_RUN_IMPROVEMENT,
    FindingCode.ENVIRONMENT_CHANGED,
}
"""No news, reported in a line of its own, or of two files, about which nobody is mailed."""


@pytest.mark.parametrize("code", _CODES)
def test_a_code_has_an_example_with_its_parameters_and_one_sentence(code: FindingCode) -> None:
    assert type(EXAMPLES[code].parameters) is PARAMETERS.get(code, Parameters)
    assert [code in area.SENTENCES for area in AREAS.values()].count(True) == 1


@pytest.mark.parametrize("finding", ALL, ids=lambda finding: finding.code.value)
def test_a_finding_survives_storage(finding: Finding) -> None:
    assert Finding.model_validate_json(finding.model_dump_json()) == finding
    assert Finding.model_validate(finding.model_dump(mode="json")) == finding


@pytest.mark.parametrize("finding", ALL, ids=lambda finding: finding.code.value)
def test_a_sentence_is_one_line_without_a_full_stop(finding: Finding) -> None:
    for text in (sentences.sentence(finding), sentences.next_step(finding)):
        assert text == text.strip().rstrip(".")
        assert "\n" not in text
        assert "None" not in text
        assert plain(text) == text
    assert sentences.sentence(finding)


def document() -> ResultsDocument:
    """A run with a scenario for each code that has an example, with that finding alone."""
    scenarios = [
        ScenarioResult(
            scenario=f"{code.value}.x",
            endpoint="dashboard",
            verdict=Verdict.INVALID if finding.kind is FindingKind.VALIDITY else Verdict.FAIL,
            findings=[finding],
            measurements=[],
            comparisons=[],
            baseline_run=None,
        )
        for code, finding in EXAMPLES.items()
    ]
    return ResultsDocument(
        run=run(scenarios=[scenario.scenario for scenario in scenarios]), verdict=Verdict.FAIL, scenarios=scenarios
    )


def in_terminal(given: ResultsDocument) -> str:
    written = io.StringIO()
    terminal.show(given, to=terminal.console(written))
    return written.getvalue()


def in_mail(given: ResultsDocument, kind: str) -> str:
    for result in given.scenarios:  # else nothing would be new in it, and its causes be left out
        if result.verdict is Verdict.FAIL:
            result.findings = [*result.findings, samples.missed("p95_s", 3.0, 2.0)]
    message = mail_of(given)
    body = message.get_body((kind,))
    assert body is not None
    return str(body.get_content())


_OUTPUTS: Mapping[str, tuple[Callable[[ResultsDocument], str], Callable[[str], str]]] = {
    "terminal": (in_terminal, str),
    "html": (html.render, html_escapes.unescape),
    "markdown": (markdown.render, lambda text: text.replace("\\", "")),
    "mail text": (lambda given: in_mail(given, "plain"), str),
    "mail html": (lambda given: in_mail(given, "html"), html_escapes.unescape),
}


@pytest.mark.parametrize("output", _OUTPUTS)
def test_every_code_is_rendered_in_each_output(output: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for bound in ("MAX_ITEMS", "MAX_ROWS", "MAX_OPEN"):  # of a mail, which has fewer of each
        monkeypatch.setattr(mail_content, bound, 1000)
    render, unescape = _OUTPUTS[output]
    text = " ".join(unescape(render(document())).split())
    hidden = _SUMMARISED | _FOR_PROGRAMS | (_NOT_IN_MAILS if output.startswith("mail") else set())
    missing = [
        code.value
        for code, finding in EXAMPLES.items()
        if code not in hidden and sentences.sentence(finding)[1:] not in text
    ]
    assert missing == []


def test_parameters_that_fit_no_sentence_are_rendered_as_their_code() -> None:
    odd = EXAMPLES[FindingCode.CONNECTIONS_BUSY]
    odd = odd.model_copy(update={"parameters": odd.parameters.model_copy(update={"scheduled": 0})})
    assert sentences.sentence(odd) == "connections busy (what is stored of it makes no sense)"


def test_every_example_fits_its_sentence() -> None:
    assert [finding for finding in ALL if "makes no sense" in sentences.sentence(finding)] == []
