"""What mails have besides news: threads in the order of a mail program, trends, and the digest of a week."""

from pathlib import Path

import pytest

from loadtasks.results.message import MessageKind
from loadtasks.results.regression import AUTOMATIC, RegressionState
from tests.mail_servers import MailServer, mail_server, text_of
from tests.stored_runs import DASHBOARD, SESSIONS, ServiceLife, missed, regression
from tests.workspaces import context_of


@pytest.fixture(autouse=True)
def _undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """No picture is drawn, which takes a second each: tests of the report draw one."""
    monkeypatch.setattr("loadtasks.report.charts.mail_trend.png", lambda _: None)


def threads(server: MailServer) -> list[list[str]]:
    """The words of the mails, thread by thread, as a mail program shows them."""
    by_id: dict[str, list[str]] = {}
    for word, (_, message) in zip(server.words, server.mails, strict=True):
        assert message["In-Reply-To"] == message["References"]
        root = message["References"]
        by_id.setdefault(root or message["Message-ID"], []).append(word)
    return list(by_id.values())


def test_each_regression_has_a_thread_with_its_reminder_and_its_end(tmp_path: Path) -> None:
    with mail_server() as server:
        life = ServiceLife(context_of(var=tmp_path, smtp_url=server.url))
        with life.store as store:
            first = life.run({DASHBOARD: [], SESSIONS: []})
            (known,) = store.regressions.save(first, [regression(first)])
        life.alert(first)
        life.alert(life.run({DASHBOARD: [], SESSIONS: [missed()]}))
        life.day += 8
        last = life.run({DASHBOARD: [], SESSIONS: [missed()]})
        life.alert(last)
        with life.store as store:
            store.regressions.move(known.id, RegressionState.FIXED, who=AUTOMATIC, why="", run_id=last)
        life.alert(life.run({DASHBOARD: [], SESSIONS: [missed()]}))
        life.alert(life.run({DASHBOARD: [], SESSIONS: []}))
    assert threads(server) == [["REGRESSED", "REMINDER", "RECOVERED"], ["FAIL", "RECOVERED"]]
    assert [": all clear: " in subject for subject in server.subjects] == [False, False, False, False, True]
    assert "Nothing that was reported is open any more." in text_of(server.mails[-1][1])


def test_a_reminder_shows_the_runs_until_its_own(tmp_path: Path) -> None:
    life = ServiceLife(context_of(var=tmp_path))
    runs = [life.dashboard() for _ in range(4)]
    with life.store as store:
        store.regressions.save(runs[2], [regression(runs[2])])
    later = life.dashboard()
    life.alert(runs[3])
    text = text_of(life.messages[0].mail)
    assert "p50 of dashboard.concurrent in 4 runs, " in text
    assert later == "day-5"


def test_the_first_run_since_a_day_of_the_week_has_the_digest(tmp_path: Path) -> None:
    with mail_server() as server:
        life = ServiceLife(context_of(var=tmp_path, smtp_url=server.url, digest="Monday"))
        life.day = 4  # STARTED_AT is a Tuesday: the first run is on Sunday, the second on Monday
        for findings in ([missed()], [missed()], []):
            life.alert(life.dashboard(*findings))
        life.day = 12
        for _ in range(2):
            life.alert(life.dashboard())
    assert server.words == ["FAIL", "DIGEST", "RECOVERED", "DIGEST"]
    first, second = (
        text_of(mail) for word, (_, mail) in zip(server.words, server.mails, strict=True) if word == "DIGEST"
    )
    assert "STILL OPEN dashboard.concurrent: p95 3.00 s" in first
    assert "29 Nov: dashboard.concurrent: p95 3.00 s, target < 2.00 s." in first
    assert server.subjects[-1] == "[DIGEST] 127.0.0.1:8000: week to 7 Dec: 2 runs (2 pass), nothing new, nothing open"
    assert "1 Dec: dashboard.concurrent meets its target for p95 again." in second
    assert "2 runs (2 pass). \N{CHECK MARK} \N{CHECK MARK}" in second
    kinds = [message.kind for message in life.messages]
    assert kinds == [MessageKind.ALERT, MessageKind.DIGEST, MessageKind.ALERT, MessageKind.DIGEST]
    assert server.mails[1][1]["References"] is None


def test_news_and_a_digest_are_one_mail(tmp_path: Path) -> None:
    with mail_server() as server:
        life = ServiceLife(context_of(var=tmp_path, smtp_url=server.url, digest="monday"))
        life.alert(life.dashboard())
        life.alert(life.dashboard(missed()))
        life.alert(life.dashboard(missed()))
        life.day = 12
        life.alert(life.dashboard(missed(), missed("success_rate")))
    assert server.words == ["FAIL", "FAIL"]
    text = text_of(server.mails[-1][1])
    assert text.index("NEW: TARGETS MISSED") < text.index("STILL OPEN") < text.index("THE WEEK TO 7 DEC")


def test_without_the_setting_no_mail_has_a_digest(tmp_path: Path) -> None:
    life = ServiceLife(context_of(var=tmp_path))
    life.day = 4
    for _ in range(2):
        life.alert(life.dashboard())
    assert life.messages == []
