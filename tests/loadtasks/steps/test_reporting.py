"""Alerts: sent once, and kept in the outbox where they can't be sent."""

import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.steps import RunContext
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer
from tests.thing import ThingApi
from tests.workspaces import context_of

ALONE = "thing.alone"


@pytest.fixture
def context(workspace: Workspace, server: ScriptedServer, api: ThingApi) -> RunContext:
    """Of a target that is too slow."""
    api.delay_s = 0.6
    return context_of(target=server.url, sender="a@example.org", recipients="b@example.org")


def failed_run(context: RunContext, run_id: str) -> str:
    steps.open_run(context, run_id=run_id, trigger="manual", scenarios=[ALONE])
    steps.measure(context, run_id, ALONE)
    steps.judge(context, run_id)
    steps.compare(context, run_id)
    return run_id


def test_an_alert_is_sent_once(context: RunContext) -> None:
    run_id = failed_run(context, "run")
    written = steps.alert(context, run_id)
    assert written is not None
    text = (context.workspace.outbox / "run.eml").read_text()
    assert "From: a@example.org" in text
    assert "To: b@example.org" in text
    sent: list[str] = []
    assert steps.alert(context, run_id, lambda message: sent.append(str(message)) or "there") == written
    assert sent == []


def test_an_alert_that_can_not_be_sent_is_kept_in_the_outbox(context: RunContext) -> None:
    def unreachable(message: object) -> str:
        raise ConnectionRefusedError("connection refused")

    run_id = failed_run(context, "run")
    with pytest.raises(BadInputError, match=r"refused.*run\.eml"):
        steps.alert(context, run_id, unreachable)
    assert (context.workspace.outbox / "run.eml").is_file()
