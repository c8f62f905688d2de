"""The alert: read back as a mail program reads it."""

import email
import re
from collections.abc import Callable
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.report import mail
from loadtasks.report.comparison_summary import comparison_summary
from loadtasks.report.findings import findings_of_kind, invalid_reasons, notes
from loadtasks.report.mail_links import MailLinks
from loadtasks.report.text import sentence
from loadtasks.report.topics import without_run_ids
from loadtasks.report.verdicts import tally
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.targets import NoTarget
from loadtasks.results.findings.validity import RunsOverlapped
from loadtasks.results.judgement import Verdict
from tests.findings import text_finding
from tests.loadtasks.report import mails, samples
from tests.loadtasks.report.mails import REPORT, first_news, mail_of, trend_of
from tests.loadtasks.report.pages import Element, parse
from tests.workspaces import context_of

_LISTED = (FindingKind.TARGET, FindingKind.REGRESSION, FindingKind.DIAGNOSIS)


def _sent(document: ResultsDocument, report_url: str | None = REPORT) -> EmailMessage:
    """The mail after its way over the wire."""
    message = mail_of(document, report_url)
    received = email.message_from_bytes(message.as_bytes(policy=SMTP), policy=default)
    assert isinstance(received, EmailMessage)
    assert not received.defects
    return received


def _plain(message: EmailMessage) -> str:
    body = message.get_body(("plain",))
    assert body is not None
    return str(body.get_content()).replace("\r\n", "\n")


def _html(message: EmailMessage) -> Element:
    body = message.get_body(("html",))
    assert body is not None
    return parse(body.get_content())


@pytest.mark.parametrize(
    ("document", "subject"),
    [
        (samples.bad_run, "[FAIL] 127.0.0.1:8000: dashboard.sustained: p95 3.10 s, target < 2.00 s (and 2 more)"),
        (
            lambda: samples.document(samples.part_missed(), service="Caf\u00e9 \u00dcbersee"),
            "[FAIL] Cafe Ubersee: mixed.concurrent (sessions): mean 1.62 s, target < 1.50 s",
        ),
        (
            lambda: samples.document(samples.regressed(), service="shop"),
            "[REGRESSED] shop: sessions.filtered p95 +42 % since 24 Nov",
        ),
        (
            lambda: samples.document(samples.unreachable("sessions.filtered"), service="\u30b7\u30e7\u30c3\u30d7"),
            "[INVALID] \u30b7\u30e7\u30c3\u30d7: sessions.filtered: http://127.0.0.1:8000 refuses connections; "
            "start the API, then run it again",
        ),
    ],
    ids=["gravest", "accents", "regression", "another script"],
)
def test_the_subject_is_a_word_the_service_and_what_is_new(
    document: Callable[[], ResultsDocument], subject: str
) -> None:
    assert _sent(document())["Subject"] == subject


def test_a_subject_has_room_for_the_reason_whatever_the_service_is_called() -> None:
    subject = _sent(samples.document(samples.part_missed(), service="s" * 200))["Subject"]
    assert f"] {'s' * 57}...: mixed.concurrent (sessions)" in subject


def test_a_subject_never_names_a_run() -> None:
    shared = {"other_service": "shop", "same_service": True, "same_generator": True, "ended": True}
    overlap = RunsOverlapped(other_run="20261124T015900Z-beef", **shared)
    finding = Finding(code=FindingCode.RUNS_OVERLAPPED, parameters=overlap)
    said = "run 20261124T015900Z-beef sent load at the same time"
    assert without_run_ids(said, [finding]) == "another run sent load at the same time"
    for message in (_sent(samples.bad_run()), mails.reminder(), mails.recovery(), mails.crept_and_accepted()):
        assert not re.search(r"\d{8}T\d{6}Z", message["Subject"])


def test_both_bodies_say_what_is_new_of_which_endpoint() -> None:
    message = _sent(samples.bad_run())
    plain, page = _plain(message), _html(message).text
    for scenario, endpoint, said in (
        ("dashboard.sustained", "dashboard", "p95 3.10 s, target < 2.00 s."),
        ("dashboard.sustained", "dashboard", "success rate 85.0 %, target \u2265 95.0 %."),
        ("mixed.concurrent (sessions)", "sessions", "mean 1.62 s, target < 1.50 s."),
        ("sessions.filtered", "sessions", "p95 rose 42 % (95 % CI +35 % to +49 %)"),
    ):
        assert f"  {scenario} (endpoint {endpoint})\n    {said}" in plain
        assert (
            f"{scenario} endpoint {endpoint} {said[:1].upper() if ' rate ' in said or 'mean' in said else said[:1]}"
            in page
        )


def test_a_mail_leads_to_the_run_the_regression_and_the_dag_run_in_airflow() -> None:
    document = samples.document(
        samples.regressed(), dag_id="shop/nightly", dag_run_id="scheduled__2026-11-24T02:00+00:00"
    )
    workspace = context_of(pages_url="https://airflow.example.org/team/performance/").workspace
    message = mail_of(document, links=MailLinks.of_run(workspace, document.run))
    at = "https://airflow.example.org/team/performance"
    expected = {
        "Acknowledge or accept": f"{at}/regressions/7",
        "Open in Airflow": f"{at}/runs/{document.run.id}",
        "DAG run and logs": "https://airflow.example.org/team/dags/shop%2Fnightly/runs/"
        "scheduled__2026-11-24T02%3A00%2B00%3A00",
        "Open the report": f"{at}/files/{document.run.id}/index.html",
    }
    assert {link.text: link.attributes["href"] for link in _html(message).all("a")} == expected
    plain = _plain(message)
    assert [address for address in expected.values() if address not in plain] == []
    assert "python -m loadtasks regressions acknowledge" not in plain, "the page does that"


def test_a_picture_goes_with_the_mail_and_blocks_with_its_text() -> None:
    document = samples.document(samples.regressed())
    news = first_news(document)
    trend = trend_of(news.new[0], runs=40)
    message = mail_of(document, news=news, trends=[trend])
    (page,) = [part for part in message.iter_parts() if part.get_content_type() == "multipart/related"]
    html, picture = page.iter_parts()  # type: ignore[attr-defined]
    image = parse(html.get_content()).one("img")
    assert image.attributes["src"] == f"cid:{picture['Content-ID'].strip('<>')}"
    assert image.attributes["alt"].startswith("p95 of shop / sessions.filtered over 30 runs")
    drawn = picture.get_payload(decode=True)
    assert drawn.startswith(b"\x89PNG")
    assert len(drawn) < 40_000, "it is kept in the results database"
    assert "\u2581\u2581\u2588" in _plain(message)
    assert "p95 of sessions.filtered in 30 runs, 5 Nov to 4 Dec: 43.7 ms to" in _plain(message)


def test_both_bodies_hold_summary_findings_invalid_scenarios_notes_and_the_report() -> None:
    note = Finding(code=FindingCode.NO_TARGET, parameters=NoTarget(endpoint="mixed"))
    document = samples.bad_run()
    document.scenarios[0] = samples.result("dashboard.concurrent", Verdict.PASS, note)
    message = _sent(document)
    page = _html(message)
    stated = [
        tally(document),
        comparison_summary(document),
        *(rendered.sentence for kind in _LISTED for rendered in findings_of_kind(document, kind)),
        *(rendered.next_step for rendered in findings_of_kind(document, FindingKind.DIAGNOSIS)),
        *(rendered.sentence for rendered in notes(document)),
        *(f"{scenario}: {reason}" for scenario, reason in invalid_reasons(document).items()),
        *(result.scenario for result in document.scenarios),
    ]
    for body in (" ".join(_plain(message).split()), page.text):
        assert [text for text in stated if sentence(text).rstrip(".")[1:] not in body] == []
    assert REPORT in _plain(message)
    assert page.one("a").attributes["href"] == REPORT


def test_both_bodies_state_the_confidence_of_judged_percentiles_alone() -> None:
    document = samples.bad_run()
    confidence = [
        rendered.confidence
        for kind in (FindingKind.TARGET, FindingKind.REGRESSION)
        for rendered in findings_of_kind(document, kind)
        if rendered.confidence
    ]
    assert len(confidence) == 2
    message = _sent(document)
    for body in (" ".join(_plain(message).split()), _html(message).text):
        assert [body.count(text[1:]) for text in confidence] == [1, 1]


def test_both_bodies_name_the_slowest_request_of_each_bad_scenario_or_three_of_the_only_one() -> None:
    def shown(document: ResultsDocument) -> list[list[str]]:
        message = _sent(document)
        bodies = (" ".join(_plain(message).split()), _html(message).text)
        return [
            re.findall(r"(\S+): GET \S+ took [^,]+, status 200, due at [\d:.]+ UTC, request id", body)
            for body in bodies
        ]

    assert shown(samples.bad_run()) == [["dashboard.sustained", "sessions.filtered"]] * 2
    assert shown(samples.document(samples.missed_target())) == [["dashboard.sustained"] * 3] * 2
    exemplar = samples.missed_target().measurements[0].exemplars[0]
    plain = _plain(_sent(samples.document(samples.missed_target())))
    assert exemplar.request_id is not None
    assert exemplar.request_id in plain, "whole, however the line is wrapped"
    assert str(exemplar.traceparent).split("-")[1] in plain


def test_both_bodies_state_throttling_once_and_blame_no_request() -> None:
    message = _sent(samples.document(samples.throttled()))
    for body in (" ".join(_plain(message).split()), _html(message).text):
        assert body.count("40 of 100 requests were throttled (429 with Retry-After)") == 1
        assert "request id" not in body
        assert "indicative only: it needs" not in body


def test_a_report_without_an_address_is_named_by_its_path() -> None:
    message = _sent(samples.bad_run(), "/srv/var/reports/x/index.html")
    assert "/srv/var/reports/x/index.html" in _plain(message)
    assert _html(message).all("a") == []
    assert "/srv/var/reports/x/index.html" in _html(message).text
    assert "REPORT" not in _plain(_sent(samples.bad_run(), None))


def test_a_link_is_only_ever_http() -> None:
    assert _html(_sent(samples.bad_run(), "javascript:alert(1)")).all("a") == []


def test_the_headers_are_those_of_an_automatic_mail() -> None:
    message = _sent(samples.bad_run())
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["List-Id"] == "<127-0-0-1-8000.nightly-performance.example.org>"
    assert message["In-Reply-To"] is message["References"] is None
    assert message["From"] == "Nightly <nightly@example.org>"
    assert message["To"] == "team@example.org"
    assert message["Message-ID"].endswith("@example.org>")
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Message-ID"] != _sent(samples.bad_run())["Message-ID"]


def test_a_mail_needs_nothing_from_outside_and_its_style_sheet_is_for_the_dark_alone() -> None:
    page = _html(_sent(samples.bad_run()))
    tags = ("style", "script", "img", "link", "svg")
    assert [element.tag for element in page.everything() if element.tag in tags] == ["style"]
    assert re.sub(r"\s", "", page.one("style").text).startswith(
        ":root{color-scheme:lightdark;}@media(prefers-color-scheme:dark){"
    )
    assert "url(" not in page.one("style").text
    assert [element for element in page.everything() if "src" in element.attributes] == []


@pytest.mark.parametrize(
    ("service", "list_id"),
    [
        ("Shop (EU)", "<shop-eu.nightly-performance.example.org>"),
        ("\u30b7\u30e7\u30c3\u30d7", "<5ec8fc5aaa27.nightly-performance.example.org>"),
        ("s" * 200, f"<{'s' * 63}.nightly-performance.example.org>"),
        (None, "<nightly-performance.example.org>"),
    ],
)
def test_each_service_has_a_list_id(service: str | None, list_id: str) -> None:
    assert mail.list_id(service, "example.org") == list_id


EVIL = "x\r\nBcc: everyone@example.org\r\n\r\n<script>alert(1)</script>\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}gpj"


def test_hostile_names_forge_no_header_and_no_element() -> None:
    evil = samples.missed_target().model_copy(
        update={
            "scenario": EVIL,
            "findings": [text_finding(kind, EVIL, metric="p95_s", observed=3, limit=2) for kind in FindingKind],
        }
    )
    message = _sent(samples.document(evil, id=EVIL, target_url=EVIL, target_version=EVIL, trigger=EVIL), EVIL)
    assert message["Bcc"] is None
    assert "\n" not in message["Subject"]
    assert "\x1b" not in message["Subject"]
    assert "\N{RIGHT-TO-LEFT OVERRIDE}" not in message["Subject"]
    assert len(message["Subject"]) <= 160
    page = _html(message)
    assert page.all("script") == []
    assert "<script>alert(1)</script>" in page.text
    assert "\x1b" not in _plain(message)
    assert _plain(message).startswith("FAIL: ")


def test_a_mail_about_two_hundred_scenarios_is_not_cut_off_by_gmail() -> None:
    slow = [samples.missed_target().model_copy(update={"scenario": f"many.number{number}"}) for number in range(200)]
    message = _sent(samples.document(*slow))
    body = message.get_body(("html",))
    assert body is not None
    assert len(body.get_content()) < 102_000
    for text in (_plain(message), _html(message).text):
        assert "And 388 more, which the report has." in text
        assert "And 160 rows more, none of them worse: the report has all." in text


@pytest.mark.parametrize(
    "address", ["team", "@example.org", "team@", "a@b\r\nBcc: c@d.org", "two words@example.org", "", "a@b@c"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadInputError, match=r"is no e-mail address .+ write it as someone@example\.org"):
        mail_of(samples.bad_run(), to=[address])


def test_an_alert_to_nobody_is_refused() -> None:
    with pytest.raises(BadInputError, match="no recipient"):
        mail_of(samples.bad_run(), to=[])


def test_the_outbox_keeps_the_mail_as_a_mail_program_reads_it(tmp_path: Path) -> None:
    message = mail_of(samples.bad_run())
    path = Path(mail.write_to(tmp_path / "outbox", "run-1", message))
    assert path == tmp_path / "outbox" / "run-1.eml"
    kept = email.message_from_bytes(path.read_bytes(), policy=default)
    assert kept["Subject"] == message["Subject"]
    assert [kept.name for kept in path.parent.iterdir()] == ["run-1.eml"]


def test_an_outbox_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    message = mail_of(samples.bad_run())
    with pytest.raises(BadInputError, match=r"outbox/run-1\.eml: the alert can't be written \(File exists\)"):
        mail.write_to(tmp_path / "outbox", "run-1", message)
