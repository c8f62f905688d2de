"""The report of a bad run in every output, word for word."""

from collections.abc import Callable
from email.message import EmailMessage
from io import StringIO
from pathlib import Path

import pytest

from loadtasks.report import html, markdown, terminal
from loadtasks.results.document import ResultsDocument
from tests.loadtasks.report import mails, samples
from tests.loadtasks.report.pages import parse
from tests.snapshots import check_snapshot

SNAPSHOTS = Path(__file__).parent / "snapshots"


def _terminal(document: ResultsDocument) -> str:
    written = StringIO()
    terminal.show(document, to=terminal.console(written), report=Path("var/reports/run/index.html"))
    return "".join(f"{line.rstrip()}\n" for line in written.getvalue().splitlines())


def _mail(message: EmailMessage, subtype: str) -> str:
    body = message.get_body((subtype,))
    assert body is not None
    text = str(body.get_content())
    return f"{message['Subject']}\n\n{text if subtype == 'plain' else _words(text)}"


def _words(page: str) -> str:
    """The text of a page, one line a block."""
    return "\n".join(parse(page).one("body").blocks()) + "\n"


OUTPUTS: dict[str, Callable[[ResultsDocument], str]] = {
    "terminal": _terminal,
    "summary": markdown.render,
    "page": lambda document: _words(html.render(document)),
}
DOCUMENTS = {
    "bad": samples.bad_run,
    "passed": samples.document,
    "first": lambda: samples.document(samples.result("dashboard.concurrent", baseline=False)),
    "throttled": lambda: samples.document(samples.throttled()),
    "invalid": lambda: samples.document(samples.not_measured(), samples.saturated()),
}


MAILS = {
    "bad": lambda: mails.mail_of(samples.bad_run()),
    "throttled": lambda: mails.mail_of(samples.document(samples.throttled())),
    "invalid": lambda: mails.mail_of(samples.document(samples.not_measured(), samples.saturated())),
    "outage_while_regressed": mails.outage_while_regressed,
    "recovery": mails.recovery,
    "reminder": mails.reminder,
    "crept_and_accepted": mails.crept_and_accepted,
    "refusal": mails.refusal,
}


@pytest.mark.parametrize(("document", "output"), [(document, output) for document in DOCUMENTS for output in OUTPUTS])
def test_the_report_reads_as_before(document: str, output: str) -> None:
    check_snapshot(SNAPSHOTS / f"{document}.{output}.txt", OUTPUTS[output](DOCUMENTS[document]()))


@pytest.mark.parametrize("kind", MAILS)
def test_mails_read_as_before(kind: str) -> None:
    message = MAILS[kind]()
    check_snapshot(SNAPSHOTS / f"{kind}.mail_text.txt", _mail(message, "plain"))
    check_snapshot(SNAPSHOTS / f"{kind}.mail_page.txt", _mail(message, "html"))
