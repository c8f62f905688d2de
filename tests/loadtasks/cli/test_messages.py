"""The commands about messages: what became of each, and sending what is pending."""

from pathlib import Path

import pytest
from click.testing import Result

from loadtasks import steps
from tests.mail_servers import MailServer, mail_server, serving
from tests.notify_receivers import notify_receiver
from tests.stored_runs import NO_WAIT, ServiceLife, missed
from tests.thing import call, check_refused
from tests.workspaces import context_of


@pytest.fixture
def pending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MailServer:
    """A mail server that was down when a run was reported."""
    with mail_server() as server:
        pass
    monkeypatch.setattr("loadtasks.steps.delivery.WAITS_S", NO_WAIT)
    life = ServiceLife(context_of(var=tmp_path, smtp_url=server.url))
    with pytest.raises(steps.NotSentError):
        life.alert(life.dashboard(missed()))
    return server


def messages(folder: Path, *arguments: str) -> Result:
    return call("--out", str(folder), "messages", *arguments)


def test_no_message_is_a_sentence(tmp_path: Path) -> None:
    assert messages(tmp_path).output == "No message yet: the first bad run sends one.\n"
    assert messages(tmp_path, "send").output == "Nothing is pending.\n"


def test_messages_are_listed_with_their_state_and_error(pending: MailServer, tmp_path: Path) -> None:
    listed = messages(tmp_path).output
    for part in (
        "pending",
        "[FAIL] 127.0.0.1:8000: dashboard",
        "day-1",
        "performance@localhost",
        "refused",
        "3 attempts",
    ):
        assert part in listed
    assert "No message yet" in messages(tmp_path, "--service", "another").output


def test_what_is_pending_is_sent(pending: MailServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_refused(messages(tmp_path, "send"), 2, "there is no mail server", "1 pending message", "LOADTASKS_SMTP_URL")
    monkeypatch.setenv("LOADTASKS_SMTP_URL", pending.url)
    with serving(pending):
        sent = messages(tmp_path, "send").output
    assert sent.startswith("Sent to performance@localhost, by the mail server 127.0.0.1:")
    assert pending.words == ["FAIL"]
    assert "delivered" in messages(tmp_path).output


def test_a_test_message_goes_everywhere_and_says_what_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    check_refused(messages(tmp_path, "test"), 2, "nowhere to send", "LOADTASKS_NOTIFY_URLS")
    with mail_server() as server, notify_receiver() as receiver:
        monkeypatch.setenv("LOADTASKS_SMTP_URL", server.url)
        monkeypatch.setenv("LOADTASKS_NOTIFY_URLS", f"{receiver.url} nosuchthing://s3cret-t0ken")
        tried = messages(tmp_path, "test")
    assert server.words == ["TEST"]
    assert [sent["type"] for _, sent in receiver.requests] == ["success"]
    assert "json: sent" in tried.output
    assert "nosuchthing: not sent (nosuchthing: its address in LOADTASKS_NOTIFY_URLS is none" in tried.output
    check_refused(tried, 2, "1 of 3 test messages could not be sent")
    assert "s3cret" not in tried.output + tried.stderr
    assert "No message yet" in messages(tmp_path).output
