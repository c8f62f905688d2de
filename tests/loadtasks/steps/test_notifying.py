"""Notifications: the news in short to chats, pagers and webhooks, each once, and never in the way of the mail."""

from pathlib import Path

import pytest
from apprise.plugins.pagerduty import PAGERDUTY_API_LOOKUP
from apprise.plugins.slack import NotifySlack

from loadtasks import steps
from loadtasks.report.notification import MAX_LENGTH
from loadtasks.results.message import Channel, MessageState
from loadtasks.steps import NotSentError
from tests.loadtasks.steps.test_alerting import closed_port
from tests.mail_servers import mail_server, text_of
from tests.notify_receivers import notify_receiver
from tests.stored_runs import NO_WAIT, ServiceLife, invalid, missed
from tests.workspaces import context_of

PAGES = "https://airflow.example.org/performance"


def life_with(folder: Path, *urls: str, **settings: object) -> ServiceLife:
    """A service whose news go to these addresses."""
    return ServiceLife(context_of(var=folder, notify_urls=" ".join(urls), pages_url=PAGES, **settings))


def states(life: ServiceLife) -> list[tuple[str, str, int]]:
    return [(one.address_name or "mail", one.state.value, one.attempts) for one in life.messages]


def test_news_go_to_every_address_once_in_short(tmp_path: Path) -> None:
    with notify_receiver() as first, notify_receiver() as second, mail_server() as server:
        life = life_with(tmp_path, first.url, second.url, smtp_url=server.url)
        run_id = life.dashboard(missed())
        where = life.alert(run_id)
        life.alert(run_id)
        assert life.alert(life.dashboard(missed())) is None
        life.alert(life.dashboard())
    assert where is not None
    assert where.endswith("; json; json 2")
    assert server.words == ["FAIL", "RECOVERED"]
    assert first.requests == second.requests
    (path, failed), (_, recovered) = first.requests
    assert path == "/t0ken-of-the-hook"
    assert (failed["title"], failed["type"]) == (server.subjects[0], "failure")
    assert failed["message"].splitlines()[-1] == f"Open in Airflow: {PAGES}/runs/day-1"
    assert (recovered["title"], recovered["type"]) == (server.subjects[1], "success")
    assert states(life)[:3] == [("mail", "delivered", 1), ("json", "delivered", 1), ("json 2", "delivered", 1)]


def test_a_notification_is_never_empty_and_bounded(tmp_path: Path) -> None:
    with notify_receiver() as receiver:
        life = ServiceLife(context_of(var=tmp_path, notify_urls=receiver.url))
        life.alert(life.dashboard(missed()))
        life.alert(life.run({f"many.{number}": [invalid(detail="x" * 5000)] for number in range(40)}))
        refused = steps.RefusedRun("day-9", "shop", "dashboard.json: not whole JSON; correct it")
        steps.alert_refusal(life.context, refused, waits_s=NO_WAIT)
    messages = [sent["message"] for _, sent in receiver.requests]
    assert messages[0] == "This run: 1 fail."
    assert 100 < len(messages[1]) <= MAX_LENGTH
    assert messages[2].startswith("Nothing was measured: dashboard.json: not whole JSON; correct it.")


def test_an_address_that_is_down_keeps_nothing_from_anybody_and_gets_it_later(tmp_path: Path) -> None:
    with notify_receiver() as works, notify_receiver() as down, mail_server() as server:
        down.status = 503
        life = life_with(tmp_path, down.url, works.url, smtp_url=server.url)
        with pytest.raises(NotSentError, match=r'message to json "\[FAIL\].*503.*pending is sent with the next run'):
            life.alert(life.dashboard(missed()))
        with pytest.raises(NotSentError):
            life.alert(life.dashboard())
        assert server.words == ["FAIL", "RECOVERED"]
        assert len(works.requests) == 2
        assert states(life)[1] == ("json", "pending", 6)
        down.status = 200
        assert [one.address_name for one in steps.send_pending(life.context, waits_s=NO_WAIT)] == ["json", "json"]
    assert [sent["title"] for _, sent in down.requests] == server.subjects
    assert set(life.states) == {"delivered"}
    assert b"t0ken-of-the-hook" not in (tmp_path / "results.db").read_bytes()


def test_a_mail_server_that_is_down_keeps_nothing_from_channels(tmp_path: Path) -> None:
    with notify_receiver() as receiver:
        life = life_with(tmp_path, receiver.url, smtp_url=f"smtp://127.0.0.1:{closed_port()}")
        with pytest.raises(NotSentError, match=r"the mail .*refused"):
            life.alert(life.dashboard(missed()))
        with pytest.raises(NotSentError):
            life.alert(life.dashboard(missed()))
    assert len(receiver.requests) == 1


def test_a_notification_that_is_given_up_is_named_and_its_news_are_not_reported_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtasks.results.message.MAX_ATTEMPTS", 1)
    with notify_receiver() as receiver, mail_server() as server:
        receiver.status = 404
        life = life_with(tmp_path, receiver.url, smtp_url=server.url)
        with pytest.raises(NotSentError, match=r"the message to json .*is given up"):
            life.alert(life.dashboard(missed()))
        receiver.status = 200
        assert life.alert(life.dashboard(missed())) is None, "the mail has reported it"
        life.alert(life.dashboard())
    assert life.messages[1].state is MessageState.GIVEN_UP
    assert "Given up after 3 attempts to json: [FAIL]" in server.mails[1][1].get_body(("plain",)).get_content()  # type: ignore[union-attr]


def test_mails_that_are_given_up_are_in_the_next_though_channels_have_them(tmp_path: Path) -> None:
    with notify_receiver() as receiver, mail_server(replies={"DATA": "550 too large"}) as server:
        life = life_with(tmp_path, receiver.url, smtp_url=server.url)
        for _ in range(2):
            with pytest.raises(NotSentError, match="given up"):
                life.alert(life.dashboard(missed()))
        server.replies.clear()
        life.alert(life.dashboard(missed()))
    assert text_of(server.mails[0][1]).count("Given up after 1 attempt: [FAIL]") == 2
    assert len(receiver.requests) == 3


def test_an_address_that_apprise_does_not_know_is_said_and_never_shown(tmp_path: Path) -> None:
    life = life_with(tmp_path, "no-such-thing0://s3cret-t0ken".replace("-", ""))
    with pytest.raises(NotSentError, match="nosuchthing0: its address in LOADTASKS_NOTIFY_URLS is none that") as error:
        life.alert(life.dashboard(missed()))
    assert "s3crett0ken" not in str(error.value)
    assert states(life) == [("mail", "delivered", 1), ("nosuchthing0", "pending", 1)]


def test_what_is_meant_for_an_address_that_is_gone_waits_and_is_given_up(tmp_path: Path) -> None:
    life = life_with(tmp_path, f"json://127.0.0.1:{closed_port()}")
    with pytest.raises(NotSentError):
        life.alert(life.dashboard(missed()))
    life.context = context_of(var=tmp_path)
    life.alert(life.dashboard())
    with life.store as store:
        (waiting,) = store.messages.pending([Channel.NOTIFICATION])
        for _ in range(30):
            store.messages.claim(waiting.id)
            store.messages.fail(waiting.id, "")
    life.alert(life.dashboard())
    assert life.messages[1].last_error == "json: no address has this name any more"


def test_slack_and_pagerduty_take_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with notify_receiver() as receiver:
        here = f"http://127.0.0.1:{receiver.port}"
        monkeypatch.setattr(NotifySlack, "webhook_url", f"{here}/services")
        monkeypatch.setitem(PAGERDUTY_API_LOOKUP, "us", f"{here}/v2/enqueue")
        slack = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#alerts"
        pager = "pagerduty://A1BRTD4JD@TIiajkdnlazkcOXrIdevi7FQ/shop/nightly/?action=map&dedup=shop"
        life = life_with(tmp_path, slack, pager)
        evil = invalid(detail="<!channel> *bold* & @here <https://evil.example|click>")
        life.alert(life.dashboard(evil, missed()))
        life.alert(life.dashboard(missed()))
        life.alert(life.dashboard())
    (slack_path, message), (pager_path, event), *_ = receiver.requests
    events = [sent["event_action"] for path, sent in receiver.requests if path == pager_path]
    assert events == ["trigger", "trigger", "resolve"], "the incident ends when nothing is open any more"
    assert slack_path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ"
    assert "<!channel>" not in str(message)
    assert "@here" not in str((message, event))
    assert "<https://evil" not in str(message)
    assert "[INVALID] 127.0.0.1:8000: dashboard.concurrent" in str(message)
    assert pager_path == "/v2/enqueue"
    assert event["dedup_key"] == "shop"
    assert "[INVALID]" in event["payload"]["summary"]


def test_teams_takes_it_as_a_card(tmp_path: Path) -> None:
    with notify_receiver(encrypted=True) as receiver:
        life = life_with(tmp_path, f"workflows://127.0.0.1:{receiver.port}/aabbccddee/s1gnature?verify=no")
        life.alert(life.dashboard(missed()))
    ((path, card),) = receiver.requests
    assert "/workflows/aabbccddee/triggers/manual/paths/invoke" in path
    assert "[FAIL] 127.0.0.1:8000" in str(card["attachments"][0]["content"]["body"])
