"""The alert: read back as a mail program reads it."""

import email
import re
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from pathlib import Path

import pytest

from loadtasks.errors import BadInputError
from loadtasks.report import mail
from loadtasks.results.document import ResultsDocument
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report import samples
from tests.loadtasks.report.pages import Element, parse

REPORT = "https://reports.example.org/20261124/index.html"


def _sent(document: ResultsDocument, report_url: str | None = REPORT) -> EmailMessage:
    """The mail after its way over the wire."""
    message = mail.compose(
        document, sender="Nightly <nightly@example.org>", recipients=["team@example.org"], report_url=report_url
    )
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
        (
            samples.document(samples.missed_target()),
            "[FAIL] nightly performance: dashboard.sustained p95 3.10 s, target < 2.00 s, and 1 more",
        ),
        (
            samples.document(samples.part_missed(), samples.not_measured()),
            "[FAIL] nightly performance: mixed.concurrent (sessions) mean 1.62 s, target < 1.50 s",
        ),
        (
            samples.document(samples.regressed()),
            "[REGRESSED] nightly performance: sessions.filtered p95 62.1 ms, baseline 43.7 ms (+42 %)",
        ),
        (
            samples.document(samples.result("dashboard.concurrent"), samples.not_measured()),
            "[INVALID] nightly performance: websocket.broadcast: not measured: http://127.0.0.1:8000 refuses "
            "connections; start the API, then run it again",
        ),
    ],
    ids=["target missed", "part of a mixed scenario", "regressed", "not measured"],
)
def test_the_subject_says_the_verdict_then_what(document: ResultsDocument, subject: str) -> None:
    assert _sent(document)["Subject"] == subject


def test_both_bodies_name_endpoint_metric_observed_and_limit_of_each_miss() -> None:
    message = _sent(samples.bad_run())
    plain = _plain(message)
    for scenario, endpoint, metric, observed, limit in (
        ("dashboard.sustained", "dashboard", "p95", "3.10 s", "2.00 s"),
        ("dashboard.sustained", "dashboard", "success rate", "85.0 %", "95.0 %"),
        ("mixed.concurrent (sessions)", "sessions", "mean", "1.62 s", "1.50 s"),
    ):
        assert f"  {scenario} (endpoint {endpoint})\n" in plain
        assert f"    {metric}: observed {observed}, limit {limit}\n" in plain
    assert "  sessions.filtered (endpoint sessions)\n" in plain
    assert "    p95: observed 62.1 ms, baseline 43.7 ms\n" in plain
    rows = [row for table in _html(message).all("table") for row in table.rows() if len(row) == 4]
    assert ["dashboard.sustained endpoint dashboard", "p95", "3.10 s", "2.00 s"] in rows
    assert ["mixed.concurrent (sessions) endpoint sessions", "mean", "1.62 s", "1.50 s"] in rows
    assert ["sessions.filtered endpoint sessions", "p95", "62.1 ms", "43.7 ms"] in rows


def test_both_bodies_tell_baseline_cause_what_is_not_known_and_the_report() -> None:
    note = Finding(kind=FindingKind.NOTE, sentence="no target: there is no suite mixed.json")
    document = samples.bad_run()
    document.scenarios[0] = samples.result("dashboard.concurrent", Verdict.PASS, note)
    message = _sent(document)
    page = _html(message)
    for body in (" ".join(_plain(message).split()), page.text):
        assert "Compared with the median of the nights before." in body
        assert "the database: the target's phase db carries 93.0 % of the growth" in body
        assert "Next: look for this endpoint's slow statements" in body
        assert "websocket.broadcast: not measured: http://127.0.0.1:8000 refuses connections" in body
        assert "config_get.concurrent: the load generator used 98% of a core" in body
        assert "dashboard.concurrent: no target: there is no suite mixed.json." in body
        assert "3 pass, 2 fail, 1 regressed, 1 improved, 2 invalid." in body
        assert "websocket.connections" in body
    assert REPORT in _plain(message)
    assert page.one("a").attributes["href"] == REPORT


def test_both_bodies_say_how_far_a_percentile_that_failed_is_known() -> None:
    message = _sent(samples.bad_run())
    for body in (" ".join(_plain(message).split()), _html(message).text):
        assert body.count("17 requests can't tell a p95; it takes 72") == 1
        assert body.count("with 95 % confidence") == 1, "of the p95 that got worse, and of nothing that is good"


def test_both_bodies_name_the_slowest_request_of_each_bad_scenario_or_three_of_the_only_one() -> None:
    def told(document: ResultsDocument) -> list[list[str]]:
        message = _sent(document)
        bodies = (" ".join(_plain(message).split()), _html(message).text)
        return [
            re.findall(r"(\S+): GET \S+ took [^,]+, status 200, due at [\d:.]+ UTC, request id", body)
            for body in bodies
        ]

    assert told(samples.bad_run()) == [["dashboard.sustained", "sessions.filtered"]] * 2
    assert told(samples.document(samples.missed_target())) == [["dashboard.sustained"] * 3] * 2
    assert told(samples.document()) == [[], []]
    exemplar = samples.missed_target().measurements[0].exemplars[0]
    plain = _plain(_sent(samples.document(samples.missed_target())))
    assert exemplar.request_id is not None
    assert exemplar.request_id in plain, "whole, however the line is wrapped"
    assert str(exemplar.traceparent).split("-")[1] in plain


def test_of_a_throttled_scenario_both_bodies_say_whose_times_are_left_and_blame_no_request() -> None:
    message = _sent(samples.document(samples.throttled()))
    for body in (" ".join(_plain(message).split()), _html(message).text):
        assert body.count("40 of 100 requests were throttled (429 with Retry-After)") == 1
        assert "request id" not in body
        assert "not known" not in body


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
    assert message["From"] == "Nightly <nightly@example.org>"
    assert message["To"] == "team@example.org"
    assert message["Message-ID"].endswith("@example.org>")
    assert parsedate_to_datetime(message["Date"]).tzinfo is not None
    assert [part.get_content_type() for part in message.iter_parts()] == ["text/plain", "text/html"]
    assert message["Message-ID"] != _sent(samples.bad_run())["Message-ID"]


def test_a_mail_needs_nothing_from_outside_and_only_inline_styles() -> None:
    page = _html(_sent(samples.bad_run()))
    assert [each.tag for each in page.everything() if each.tag in ("style", "script", "img", "link", "svg")] == []
    assert [name for each in page.everything() for name in each.attributes if name in ("src", "class")] == []


EVIL = "x\r\nBcc: everyone@example.org\r\n\r\n<script>alert(1)</script>\x1b[31m\N{RIGHT-TO-LEFT OVERRIDE}gpj"


def test_hostile_names_forge_no_header_and_no_element() -> None:
    evil = samples.missed_target().model_copy(
        update={
            "scenario": EVIL,
            "findings": [
                Finding(kind=kind, metric="p95_s", observed=3, limit=2, sentence=EVIL) for kind in FindingKind
            ],
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
    assert not [line for line in _plain(message).splitlines() if line.startswith("Bcc")]


@pytest.mark.parametrize(
    "address", ["team", "@example.org", "team@", "a@b\r\nBcc: c@d.org", "two words@example.org", "", "a@b@c"]
)
def test_an_address_that_is_none_is_refused(address: str) -> None:
    with pytest.raises(BadInputError, match=r"is no e-mail address .+ write it as someone@example\.org"):
        mail.compose(samples.bad_run(), sender="a@example.org", recipients=[address], report_url=None)


def test_an_alert_to_nobody_is_refused() -> None:
    with pytest.raises(BadInputError, match="no recipient"):
        mail.compose(samples.bad_run(), sender="a@example.org", recipients=[], report_url=None)


def test_the_outbox_keeps_the_mail_as_a_mail_program_reads_it(tmp_path: Path) -> None:
    message = mail.compose(samples.bad_run(), sender="a@localhost", recipients=["b@localhost"], report_url=None)
    path = Path(mail.write_to(tmp_path / "outbox", "run-1", message))
    assert path == tmp_path / "outbox" / "run-1.eml"
    kept = email.message_from_bytes(path.read_bytes(), policy=default)
    assert kept["Subject"] == message["Subject"]
    assert [each.name for each in path.parent.iterdir()] == ["run-1.eml"]


def test_an_outbox_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "outbox").write_text("a file")
    message = mail.compose(samples.bad_run(), sender="a@localhost", recipients=["b@localhost"], report_url=None)
    with pytest.raises(BadInputError, match=r"outbox/run-1\.eml: the alert can't be written \(File exists\)"):
        mail.write_to(tmp_path / "outbox", "run-1", message)
