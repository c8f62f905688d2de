"""Mails about runs that are late or never came."""

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.results.message import MessageKind
from loadtasks.steps import OverdueRun
from tests.mail_servers import mail_server, text_of
from tests.stored_runs import NO_WAIT, ServiceLife, missed
from tests.workspaces import context_of

DUE = datetime.now(UTC) - timedelta(hours=4, seconds=5)
OVERDUE = OverdueRun("scheduled__1", "shop", DUE, "orders")


@pytest.fixture
def life(tmp_path: Path) -> ServiceLife:
    return ServiceLife(context_of(var=tmp_path, sender="a@example.org", recipients="b@example.org"))


def test_a_late_run_and_a_missed_one_are_reported_once_each(life: ServiceLife) -> None:
    with mail_server() as server:
        life.context = context_of(var=life.context.workspace.var, recipients="b@example.org", smtp_url=server.url)
        for _ in range(2):
            steps.alert_late(life.context, OVERDUE, waits_s=NO_WAIT)
            steps.alert_missed(life.context, OVERDUE, reason="It would begin <late>", waits_s=NO_WAIT)
    assert server.words == ["LATE", "MISSED"]
    late, never_came = (text_of(message) for _, message in server.mails)
    assert "Run scheduled__1 was due" in late
    assert re.search(r"has not ended, 4 h \d+ min later", late)
    assert "DAG orders" in late
    assert "It would begin <late>." in never_came
    assert "shop" in server.subjects[1]
    html = server.mails[1][1].get_body(("html",))
    assert html is not None
    assert "&lt;late&gt;" in html.get_content()


def test_without_a_mail_server_they_are_files(life: ServiceLife) -> None:
    written = steps.alert_late(life.context, OVERDUE)
    assert written is not None
    assert "[LATE] shop: the run that was due" in Path(written).read_text()


def test_a_missed_run_is_reported_again_as_reminders_are(life: ServiceLife, monkeypatch: pytest.MonkeyPatch) -> None:
    steps.alert_missed(life.context, OVERDUE)

    class Later(datetime):
        @classmethod
        def now(cls, tz: object = None) -> datetime:  # type: ignore[override]
            return datetime.now(UTC) + timedelta(days=life.context.settings.reminder_days, minutes=1)

    monkeypatch.setattr("loadtasks.steps.overdue.datetime", Later)
    steps.alert_missed(life.context, OVERDUE)
    steps.alert_late(life.context, OVERDUE)
    assert [message.kind for message in life.messages] == [MessageKind.MISSED, MessageKind.MISSED, MessageKind.LATE]


def test_what_a_lost_alert_reported_is_reported_anew_in_spite_of_a_late_run(life: ServiceLife) -> None:
    with mail_server(replies={"b@example.org": "550 no such user"}) as server:
        life.context = context_of(var=life.context.workspace.var, recipients="b@example.org", smtp_url=server.url)
        run_id = life.dashboard(missed())
        with pytest.raises(steps.NotSentError):
            life.alert(run_id)
        server.replies.clear()
        (lost,) = life.messages
        steps.alert_late(life.context, OverdueRun(run_id, lost.service, DUE, "orders"), waits_s=NO_WAIT)
        with life.store as store:
            assert store.messages.given_up_since_the_last_one(lost.service) == [lost]


def test_a_late_run_that_was_noted_is_reported_unless_it_has_ended(life: ServiceLife) -> None:
    ended = life.dashboard()
    steps.alert_missed(life.context, OverdueRun("skipped", "shop", DUE, "orders"), reason="It would begin too late")
    with life.store as store:
        for run_id in (ended, "never opened", "skipped"):
            store.late_runs.note(OverdueRun(run_id, None, DUE, "orders"))
            store.late_runs.note(OverdueRun(run_id, "shop", DUE, "orders"))
        assert [run.service for run in store.late_runs.all()] == ["shop"] * 3
    assert list(steps.alert_late_runs(life.context)) == ["never opened"]
    with life.store as store:
        assert store.late_runs.all() == []
    assert [message.run_id for message in life.messages] == ["skipped", "never opened"]
