"""The comment on a pull request: its wording, and that nothing from outside means anything in it."""

import re
from html import unescape
from pathlib import Path

import pytest
from markdown_it import MarkdownIt

from loadtasks.report import markdown, pull_request
from loadtasks.report.inert_text import code, inert, link
from loadtasks.report.pull_request import MAX_LENGTH, CommentPlace
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.findings.reference import ReferenceFailing
from loadtasks.results.judgement import Verdict
from tests.loadtasks.report.reviews import DOCUMENTS, HOSTILE, compared, hostile, paired, regressed
from tests.snapshots import check_snapshot

SNAPSHOTS = Path(__file__).parent / "snapshots"
PLACE = CommentPlace(
    sha="a1b2c3d4e5f60718293a4b5c6d7e8f9001122334", report_url="https://github.com/acme/shop/actions/runs/123"
)
OURS = {"h3", "p", "table", "thead", "tbody", "tr", "th", "td", "ul", "li", "code", "details", "summary", "a"}
MEANT = re.compile(r"(^|[^\w`])[@#!$%~&^]\w|\w[@#!]\w|://|www\.|GH-\d|\[\[|\{\+|:\w+:|\b[0-9a-f]{7,}\b", re.IGNORECASE)
"""What GitHub and GitLab make links, images or emoji of."""


def in_html(text: str) -> str:
    """As GitHub renders it, but for what it makes of mentions and the like."""
    return str(MarkdownIt("gfm-like").render(text))


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_comments_read_as_before(kind: str) -> None:
    check_snapshot(SNAPSHOTS / f"{kind}.comment.txt", pull_request.render([DOCUMENTS[kind]], PLACE))


def test_a_lost_reference_is_no_tick() -> None:
    failing = Finding(
        code=FindingCode.REFERENCE_FAILING, parameters=ReferenceFailing(failed=9, scheduled=10, sample="status 500")
    )
    text = pull_request.render([paired(compared("b.x", Verdict.PASS, failing), number=2)], PLACE)
    assert "### ? Performance" in text
    assert "1 could not be compared" in text
    assert "Met their targets, and could not be compared:" in text


def test_the_summary_of_a_job_reads_as_before() -> None:
    check_snapshot(SNAPSHOTS / "regressed.job_summary.txt", markdown.render_for_ci(DOCUMENTS["regressed"]))


def test_several_runs_and_results_that_are_missing_share_a_comment() -> None:
    shop = paired(regressed(), service="shop")
    text = pull_request.render([shop, paired(service="payments")], PLACE, ["pay/results.json: there is no such file"])
    check_snapshot(SNAPSHOTS / "several.comment.txt", text)


def test_nothing_from_a_results_file_means_anything() -> None:
    text = pull_request.render([hostile()], PLACE)
    page = in_html(text)
    assert set(re.findall(r"<(\w+)", re.sub(r"<!--.*?-->", "", page))) <= OURS
    assert re.findall(r'href="([^"]*)"', page) == [PLACE.report_url]
    shown = unescape(re.sub(r"<a\b.*?</a>|<!--.*?-->|<[^>]*>", "", page, flags=re.DOTALL))
    assert not (found := MEANT.search(shown.replace("a1b2c3d", ""))), found
    assert not re.search(r"^\s*/\w", text, re.MULTILINE)  # a quick action of GitLab
    assert page.count("<!--") == 1


def test_the_marker_is_one_html_comment_whatever_the_key_is() -> None:
    marker = pull_request.marker(f"{HOSTILE} --> <b>--")
    assert re.fullmatch(r"<!-- loadtasks: [A-Za-z0-9._]+(-[A-Za-z0-9._]+)* -->", marker)
    assert marker != pull_request.marker(f"{HOSTILE} --> <b>-")


def test_the_length_is_bounded_and_what_is_left_out_is_said() -> None:
    long = [compared(f"{HOSTILE * 9}{number}.x", regressed().verdict, *regressed().findings) for number in range(150)]
    text = pull_request.render([paired(*long, number=150)], PLACE)
    assert len(text) <= MAX_LENGTH
    assert "… and 130 more rows, which the report has." in text
    many = pull_request.render([paired(*long[:30], number=30)] * 40, PLACE, [HOSTILE * 99] * 40)
    assert len(many) <= MAX_LENGTH


@pytest.mark.parametrize(
    "text", ["", HOSTILE, "a\n# b\n\n- c", "1. x", "/close", "`", "\\", "|", "&amp;", "\u202eevil"]
)
def test_texts_are_inert_in_a_line_and_in_code(text: str) -> None:
    for made in (inert(text), code(text)):
        page = in_html(f"| a |\n| - |\n| x{made} |")
        assert page.count("<td>") == 1
        assert set(re.findall(r"<(\w+)", page)) <= OURS
    assert "\u202e" not in code(text)


def test_only_addresses_of_pages_become_links() -> None:
    assert link("Report", 'https://ci.test/a b>(c)|"`') == "[Report](<https://ci.test/a%20b%3E%28c%29%7C%22%60>)"
    for url in ("javascript:alert(1)", "https://", "http://[", "x", f"https://ci.test/{'a' * 3000}"):
        assert link("Report", url) == "Report"
