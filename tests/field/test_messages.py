"""Fourteen runs of a service and their mails: the mail server is down, a regression comes and goes, the API dies."""

from pathlib import Path
from typing import NamedTuple

import pytest

from loadtasks import steps
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.store import Store
from loadtasks.steps import NotSentError
from tests.loadtasks.steps.test_many_runs import DASHBOARD, RunSeries
from tests.mail_servers import MailServer, mail_server, serving, text_of
from tests.measurements import run
from tests.stored_runs import NO_WAIT, invalid
from tests.workspaces import SHIPPED_SCENARIOS, context_of

pytestmark = pytest.mark.slow

CALM = 20
MAX_RUNS_UNTIL_RECOVERED = 6


class AlertedRun(NamedTuple):
    """One run and what people got of it."""

    verdict: Verdict
    words: list[str]
    """The words of the mails that arrived."""


class MailedSeries(RunSeries):
    """A series of runs whose mails go to a server, if that is up."""

    def __init__(self, folder: Path, server: MailServer) -> None:
        super().__init__(folder)
        self.server = server
        self.context = context_of(
            var=folder,
            scenarios=SHIPPED_SCENARIOS,
            expectations=folder,
            smtp_url=server.url,
            recipients="team@example.org",
        )

    def down(self) -> AlertedRun:
        """A run of an API that is down."""
        run_id = f"run-{self._number:03d}"
        with Store.open(self.context.workspace.results_url) as store:
            store.open_run(run(run_id, scenarios=[DASHBOARD], started_at=self.next_start))
            verdict = ScenarioVerdict(scenario=DASHBOARD, verdict=Verdict.INVALID, findings=[invalid()])
            store.save_verdicts(run_id, [verdict])
        self._number += 1
        steps.compare(self.context, run_id)
        return self._alerted(run_id, Verdict.INVALID)

    def up(self, slower: float = 1.0) -> AlertedRun:
        """A run of an API that responds, at whose end the mail server is up."""
        run_id = self.measure(slower)
        return self._alerted(run_id, self.judge(run_id).verdict)

    def _alerted(self, run_id: str, verdict: Verdict) -> AlertedRun:
        before = len(self.server.mails)
        with serving(self.server):
            steps.alert(self.context, run_id, waits_s=NO_WAIT)
        return AlertedRun(verdict, self.server.words[before:])


def until_recovered(series: MailedSeries) -> list[AlertedRun]:
    """Runs that are back to normal, until a mail says so."""
    alerted: list[AlertedRun] = []
    while not alerted or "RECOVERED" not in alerted[-1].words:
        assert len(alerted) < MAX_RUNS_UNTIL_RECOVERED, alerted
        alerted.append(series.up())
    return alerted


def test_what_is_mailed_of_a_service(tmp_path: Path) -> None:
    with mail_server() as server:
        pass  # it has a port now, and is down
    series = MailedSeries(tmp_path, server)
    series.several(CALM)
    # A regression is found while the mail server is down: the mail arrives with the next run.
    while True:
        run_id = series.measure(2.0)
        if series.judge(run_id).verdict is Verdict.REGRESSED:
            break
    with pytest.raises(NotSentError, match="sent with the next run"):
        steps.alert(series.context, run_id, waits_s=NO_WAIT)
    assert server.mails == []
    assert series.up(2.0) == AlertedRun(Verdict.REGRESSED, ["REGRESSED"])
    assert series.up(2.0) == AlertedRun(Verdict.REGRESSED, [])
    assert run_id in text_of(server.mails[0][1])
    (found,) = series.regressions()
    assert f"regressions acknowledge {found.id}" in text_of(server.mails[0][1])
    # The API dies while the regression is open: that is the headline, and the regression a line below.
    assert series.down() == AlertedRun(Verdict.INVALID, ["INVALID"])
    text = text_of(server.mails[1][1])
    assert "the API refuses connections" in server.subjects[1]
    assert "STILL OPEN Regression" in text
    assert f"regressions acknowledge {found.id}" in text
    assert series.down() == AlertedRun(Verdict.INVALID, [])
    # It is back, and still slow.
    assert series.up(2.0) == AlertedRun(Verdict.REGRESSED, ["RECOVERED"])
    assert "could be measured again" in server.subjects[2]
    assert "STILL OPEN Regression" in text_of(server.mails[2][1])
    # It is fast again: no red run, one mail when that is certain, and then silence.
    back = until_recovered(series)
    assert {one.verdict for one in back} == {Verdict.PASS}
    assert [one.words for one in back[:-1]] == [[]] * (len(back) - 1)
    assert server.subjects[3].endswith(": all clear: dashboard.concurrent p50 is back to normal")
    assert f"Regression {found.id} is over" in text_of(server.mails[3][1])
    # All of the regression is one thread, with pictures of it at both ends; so is the outage.
    threads = [message["References"] or message["Message-ID"] for _, message in server.mails]
    assert threads == [threads[0], threads[1], threads[1], threads[0]]
    pictures = [[part.get_content_type() for part in message.walk()].count("image/png") for _, message in server.mails]
    assert pictures == [1, 0, 0, 1]
    assert "CAUSES" not in text_of(server.mails[3][1])
    assert [series.up() for _ in range(3)] == [AlertedRun(Verdict.PASS, [])] * 3
    with Store.open(series.context.workspace.results_url) as store:
        assert {message.attempts for message in store.messages.newest_first()} == {1, 4}
        assert store.messages.pending() == []
