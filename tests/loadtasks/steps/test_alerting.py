"""Messages of runs: kept before they are sent, sent once, and reported again if they could not be."""

import os
import socket
from pathlib import Path

import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.results.message import MessageState
from loadtasks.results.store import Store
from loadtasks.steps import NotSentError, RefusedRun
from tests.mail_servers import mail_server, serving, text_of
from tests.stored_runs import DASHBOARD, NO_WAIT, SESSIONS, ServiceLife, invalid, missed, regression
from tests.workspaces import context_of


@pytest.fixture
def life(tmp_path: Path) -> ServiceLife:
    """A service without a mail server."""
    return ServiceLife(context_of(var=tmp_path, sender="a@example.org", recipients="b@example.org, c@example.org"))


def with_server(life: ServiceLife, url: str) -> ServiceLife:
    """The same with a mail server."""
    var, settings = life.context.workspace.var, life.context.settings
    life.context = context_of(var=var, sender=settings.sender, recipients=settings.recipients, smtp_url=url)
    return life


def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_a_mail_server_a_message_is_a_file_that_is_never_sent(life: ServiceLife) -> None:
    run_id = life.dashboard(missed())
    written = life.alert(run_id)
    assert written == str(life.context.workspace.outbox / "day-1.eml")
    text = Path(written).read_text()
    assert "From: a@example.org" in text
    assert "To: b@example.org, c@example.org" in text
    (message,) = life.messages
    assert (message.state, message.attempts, message.where) == (MessageState.DELIVERED, 1, written)
    with mail_server() as server:
        with_server(life, server.url)
        assert life.alert(run_id) == written
        assert life.alert(life.dashboard(missed())) is None
        assert steps.send_pending(life.context) == []
    assert server.mails == []


def test_a_second_message_of_a_run_is_another_file(life: ServiceLife) -> None:
    run_id = life.dashboard(invalid())
    life.alert(run_id)
    with life.store as store:
        store.save_verdicts(run_id, [])
    life.alert(run_id)
    assert sorted(path.name for path in life.context.workspace.outbox.iterdir()) == ["day-1+2.eml", "day-1.eml"]
    steps.delete_run(life.context, run_id)
    assert list(life.context.workspace.outbox.iterdir()) == []


def test_a_message_goes_out_once_with_what_it_reports(life: ServiceLife) -> None:
    with mail_server() as server:
        run_id = with_server(life, server.url).dashboard(missed())
        where = life.alert(run_id)
        assert where == f"b@example.org, c@example.org, by the mail server 127.0.0.1:{server.port}"
        assert life.alert(run_id) == where
    ((recipients, mail),) = server.mails
    assert recipients == ["b@example.org", "c@example.org"]
    (message,) = life.messages
    assert message.message_id == mail["Message-ID"]
    assert message.subject == mail["Subject"]
    assert message.mail.get_body(("plain",)).get_content() == mail.get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_what_could_not_be_sent_is_sent_with_the_next_run_under_the_same_id(life: ServiceLife) -> None:
    with mail_server() as server:
        pass
    with_server(life, server.url)
    with pytest.raises(NotSentError, match=r'"\[FAIL\].*refused.*sent with the next run'):
        life.alert(life.dashboard(missed()))
    (pending,) = life.messages
    assert (pending.state, pending.attempts) == (MessageState.PENDING, 3)
    assert "refused" in pending.last_error
    assert not life.context.workspace.outbox.exists()
    with pytest.raises(NotSentError):
        life.alert(life.dashboard(missed()))
    with serving(server):
        assert life.alert(life.dashboard()) is not None
        assert life.alert(life.dashboard()) is None
    assert server.words == ["FAIL", "RECOVERED"]
    assert server.mails[0][1]["Message-ID"] == pending.message_id
    assert life.states == ["delivered", "delivered"]


@pytest.mark.parametrize("refused", ["b@example.org c@example.org", "a@example.org", "DATA"])
def test_what_a_server_refuses_for_good_is_given_up_and_reported_anew(life: ServiceLife, refused: str) -> None:
    with mail_server(replies=dict.fromkeys(refused.split(), "550 5.1.1 no such thing")) as server:
        with_server(life, server.url)
        with pytest.raises(NotSentError, match=r"550 5\.1\.1 no such thing.*given up.*next run"):
            life.alert(life.dashboard(missed()))
        (lost,) = life.messages
        assert (lost.state, lost.attempts) == (MessageState.GIVEN_UP, 1)
        server.replies.clear()
        life.alert(life.dashboard(missed()))
    ((_, mail),) = server.mails
    assert mail["Message-ID"] != lost.message_id
    assert "NEVER DELIVERED Given up after 1 attempt: [FAIL] 127.0.0.1:8000:" in text_of(mail)
    (topic,) = life.messages[-1].topics
    assert topic.since_run == "day-1"


@pytest.mark.parametrize("postponed", ["b@example.org c@example.org", "a@example.org", "DATA"])
def test_what_a_server_puts_off_is_tried_again(life: ServiceLife, postponed: str) -> None:
    with mail_server(replies=dict.fromkeys(postponed.split(), "451 4.7.1 greylisted")) as server:
        with_server(life, server.url)
        with pytest.raises(NotSentError, match=r"451 4\.7\.1 greylisted"):
            life.alert(life.dashboard(missed()))
        assert (life.messages[0].state, life.messages[0].attempts) == (MessageState.PENDING, 3)
        server.replies.clear()
        assert [message.id for message in steps.send_pending(life.context, waits_s=NO_WAIT)] == [1]
    assert server.words == ["FAIL"]


def test_a_message_is_given_up_after_its_last_attempt(life: ServiceLife) -> None:
    with_server(life, f"smtp://127.0.0.1:{closed_port()}")
    run_id = life.dashboard(missed())
    for _ in range(9):
        with pytest.raises(NotSentError, match="pending"):
            life.alert(run_id)
    assert life.messages[0].attempts == 27
    with pytest.raises(NotSentError, match="given up"):
        life.alert(run_id)
    assert life.states == ["given_up", "pending"]


def test_a_recipient_that_is_refused_keeps_the_mail_from_nobody_else(life: ServiceLife) -> None:
    with mail_server(replies={"c@example.org": "550 no such user"}) as server:
        where = with_server(life, server.url).alert(life.dashboard(missed()))
    assert where is not None
    assert where.endswith("not to c@example.org (550 no such user)")
    assert [recipients for recipients, _ in server.mails] == [["b@example.org"]]
    assert life.states == ["delivered"]


def test_a_server_that_dies_after_the_message_gets_it_again_under_the_same_id(life: ServiceLife) -> None:
    with mail_server(dies_after_data=1) as server:
        with_server(life, server.url).alert(life.dashboard(missed()))
    first, second = (mail["Message-ID"] for _, mail in server.mails)
    assert first == second
    assert life.states == ["delivered"]


def test_a_process_that_is_killed_before_sending_loses_nothing(life: ServiceLife) -> None:
    with mail_server() as server:
        with_server(life, server.url)
        run_id = life.dashboard(missed())
        child = os.fork()
        if not child:
            steps.alert(life.context, run_id, lambda _: os._exit(9), waits_s=NO_WAIT)
            os._exit(0)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 9
        assert life.states == ["pending"]
        life.alert(life.dashboard(missed()))
        assert server.mails == [], "the claim of the dead process has not expired"
        with life.store as store:
            store.messages.fail(1, "")
        life.alert(life.dashboard(missed()))
    assert server.words == ["FAIL"]


def test_two_that_send_at_once_send_nothing_twice(life: ServiceLife) -> None:
    with mail_server() as server:
        with_server(life, f"smtp://127.0.0.1:{closed_port()}")
        with pytest.raises(NotSentError):
            life.alert(life.dashboard(missed()))
        with_server(life, server.url)
        other: list[object] = []
        server.while_sending = lambda: other.append(steps.send_pending(life.context, waits_s=NO_WAIT))
        steps.send_pending(life.context, waits_s=NO_WAIT)
    assert other == [[]]
    assert server.words == ["FAIL"]


def test_what_two_runs_find_at_once_is_reported_once(life: ServiceLife, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = life.dashboard(missed()), life.dashboard(missed())
    save, overtaken = steps.alerting.mail.compose, []

    def compose(*arguments: object, **others: object) -> object:
        if not overtaken:
            overtaken.append(second)
            life.alert(second)
        return save(*arguments, **others)  # type: ignore[arg-type]

    monkeypatch.setattr(steps.alerting.mail, "compose", compose)
    assert life.alert(first) is None
    assert [message.run_id for message in life.messages] == [second]


def test_the_pending_message_of_a_removed_run_is_sent(life: ServiceLife) -> None:
    with mail_server() as server:
        pass
    run_id = with_server(life, server.url).dashboard(missed())
    with pytest.raises(NotSentError):
        life.alert(run_id)
    steps.delete_run(life.context, run_id)
    with serving(server):
        life.alert(life.dashboard())
    assert server.words == ["FAIL", "RECOVERED"]


def test_what_is_pending_of_another_service_is_sent_too(life: ServiceLife) -> None:
    with mail_server() as server:
        pass
    with_server(life, server.url)
    with pytest.raises(NotSentError):
        life.alert(life.dashboard(missed(), service="shop"))
    with serving(server):
        life.alert(life.dashboard(service="payments"))
    assert ["] shop: " in subject for subject in server.subjects] == [True]


def test_a_process_without_mail_server_leaves_pending_mails_to_one_that_has_one(life: ServiceLife) -> None:
    bare = life.context
    with mail_server() as server:
        pass
    with pytest.raises(NotSentError):
        with_server(life, server.url).alert(life.dashboard(missed()))
    with_a_server, life.context = life.context, bare
    assert life.alert(life.dashboard(missed())) is None
    with pytest.raises(BadInputError, match="to send 1 pending message with: name one in LOADTASKS_SMTP"):
        steps.send_pending(life.context)
    assert life.states == ["pending"]
    life.context = with_a_server
    with serving(server):
        steps.send_pending(life.context)
    assert server.words == ["FAIL"]


def test_a_password_that_the_server_quotes_is_kept_nowhere(life: ServiceLife, tmp_path: Path) -> None:
    with mail_server() as server:
        with_server(life, server.url.replace("127", "ann:correct-horse@127"))
        with pytest.raises(NotSentError, match=r"535") as refused:
            life.alert(life.dashboard(missed()))
    assert "correct-horse" not in str(refused.value)
    assert life.messages[0].attempts == 1, "a wrong password stays wrong"
    assert b"correct-horse" not in (tmp_path / "results.db").read_bytes()


def test_a_database_that_takes_no_message_keeps_none_from_people(
    life: ServiceLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BadInputError("the disk is full")

    run_id = life.dashboard(missed())
    monkeypatch.setattr("loadtasks.results.message_store.Messages.save", refuse)
    assert life.alert(run_id) == str(life.context.workspace.outbox / "day-1.eml")
    with mail_server() as server:
        with_server(life, server.url).alert(run_id)
    assert server.words == ["FAIL"]


REFUSED = RefusedRun("day-1", "shop", "dashboard.json: not whole JSON; correct it")


def refuse(life: ServiceLife, refused: RefusedRun = REFUSED) -> str | None:
    return steps.alert_refusal(life.context, refused, waits_s=NO_WAIT)


def test_a_run_that_was_never_opened_is_reported_once(life: ServiceLife) -> None:
    with mail_server() as server:
        pass
    with_server(life, server.url)
    with pytest.raises(NotSentError):
        refuse(life)
    with serving(server):
        refuse(life)
        assert refuse(life, RefusedRun("day-2", "shop", REFUSED.reason)) is None
        refuse(life, RefusedRun("day-3", "shop", "another reason"))
        life.alert(life.dashboard(service="shop"))
    assert server.subjects == [
        f"[INVALID] shop: nothing was measured: {REFUSED.reason}",
        "[INVALID] shop: nothing was measured: another reason",
        "[RECOVERED] shop: all clear: runs can be opened again",
    ]
    assert "Run day-1 of shop could not be opened" in text_of(server.mails[0][1])


def test_a_refusal_is_reported_where_no_database_can_be_opened(life: ServiceLife, tmp_path: Path) -> None:
    (tmp_path / "results.db").write_text("no database at all, and long enough to be refused as one" * 20)
    assert refuse(life) == str(life.context.workspace.outbox / "day-1.eml")


def test_a_regression_that_was_never_reported_is_reported_though_its_run_is_past(life: ServiceLife) -> None:
    found = life.run({DASHBOARD: [], SESSIONS: []})
    with life.store as store:
        (saved,) = store.regressions.save(found, [regression(found)])
    life.alert(life.run({SESSIONS: []}))
    (message,) = life.messages
    assert message.subject == f"[REGRESSED] 127.0.0.1:8000: {DASHBOARD} p50 +50 % since 25 Nov"
    assert f"regressions acknowledge {saved.id}" in " ".join(text_of(message.mail).split())


def test_the_table_knows_what_was_reported(life: ServiceLife) -> None:
    life.alert(life.run({DASHBOARD: [missed()], SESSIONS: [invalid()]}))
    with Store.open(life.context.workspace.results_url) as store:
        (reported,) = store.messages.reported("127.0.0.1:8000")
    assert [(topic.kind, topic.event, topic.scenario, topic.name) for topic in reported.topics] == [
        ("target", "began", DASHBOARD, "p95_s"),
        ("invalid", "began", SESSIONS, ""),
    ]


def test_a_server_that_never_replies_ends_an_attempt(life: ServiceLife, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("loadtasks.steps.mail_server._TIMEOUT_S", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        with_server(life, f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        with pytest.raises(NotSentError, match="timed out"):
            life.alert(life.dashboard(missed()))
    assert (life.messages[0].state, life.messages[0].attempts) == (MessageState.PENDING, 3)


def test_a_password_is_not_sent_unencrypted_to_another_machine(
    life: ServiceLife, monkeypatch: pytest.MonkeyPatch
) -> None:
    with mail_server() as server:
        monkeypatch.setattr("loadtasks.steps.mail_server._is_this_machine", lambda _: False)
        with_server(life, server.url.replace("127", "ann:correct-horse@127"))
        with pytest.raises(NotSentError, match="offers no encryption, so the password is not sent; write smtps://"):
            life.alert(life.dashboard(missed()))
