"""Judging a stored run again: by other suites, after it broke, and twice."""

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from loadtasks import steps
from loadtasks.errors import BadInputError
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.judgement import ScenarioVerdict, Verdict
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from loadtasks.workspace import Workspace
from tests.measurements import STARTED_AT, failure, measurement, run
from tests.thing import SUITE
from tests.workspaces import context_of

ALONE = "thing.alone"
BROKEN = "20261124T020000Z-dead"


@pytest.fixture
def context(workspace: Workspace) -> RunContext:
    return context_of()


@pytest.fixture
def broken(context: RunContext) -> Run:
    """A run that ended after its measurements, before it was judged."""
    opened = run(BROKEN, scenarios=[ALONE, "thing.concurrent"], service=context.service)
    with Store.open(context.workspace.results_url) as store:
        store.open_run(opened)
        store.save_measurements(BROKEN, ALONE, [measurement(ALONE)])
        store.save_failure(BROKEN, "thing.concurrent", failure("it broke"))
    return opened


def with_limit(folder: Path, p95_s: float) -> None:
    suite = json.loads(json.dumps(SUITE))
    suite["expectations"][0]["kwargs"]["max_value"] = p95_s
    (folder / "thing.json").write_text(json.dumps(suite))


def test_a_run_that_broke_is_judged_and_closed_as_of_its_last_measurement(context: RunContext, broken: Run) -> None:
    assert steps.judge_again(context, BROKEN) is Verdict.INVALID
    document = steps.document(context, BROKEN)
    assert [(result.scenario, result.verdict) for result in document.scenarios] == [
        (ALONE, Verdict.PASS),
        ("thing.concurrent", Verdict.INVALID),
    ]
    assert document.run.ended_at == STARTED_AT + timedelta(seconds=2)


@pytest.mark.parametrize("asked", [True, False])
def test_data_docs_are_built_where_the_setting_asks_and_those_of_before_never_stay(
    context: RunContext, broken: Run, monkeypatch: pytest.MonkeyPatch, asked: bool
) -> None:
    docs = context.workspace.reports / BROKEN / "data_docs"
    docs.mkdir(parents=True)
    (docs / "index.html").write_text("of an earlier judgement")
    folders: list[Path | None] = []

    def judge_run(*given: Any) -> list[ScenarioVerdict]:
        folders.append(given[-1])
        return [ScenarioVerdict(scenario=ALONE, verdict=Verdict.PASS)]

    monkeypatch.setattr("loadtasks.steps.judging.judge_run", judge_run)
    settings = context.settings.model_copy(update={"data_docs": asked})
    steps.judge(replace(context, settings=settings), BROKEN)
    assert folders == [docs if asked else None]
    assert docs.exists() == asked, "Great Expectations replaces the folder where it is asked to"


def test_a_run_is_judged_by_the_suites_as_they_are_now_and_twice_gives_the_same(
    context: RunContext, broken: Run
) -> None:
    documents = []
    for limit in (1.0, 0.001, 0.001, 1.0):
        with_limit(context.workspace.expectations, limit)
        steps.judge_again(context, BROKEN)
        documents.append(steps.document(context, BROKEN))
    assert [document.scenarios[0].verdict for document in documents] == [
        Verdict.PASS,
        Verdict.FAIL,
        Verdict.FAIL,
        Verdict.PASS,
    ]
    assert FindingCode.TARGET_MISSED in {finding.code for finding in documents[1].scenarios[0].findings}
    assert documents[2] == documents[1]
    assert documents[3] == documents[0]
    assert not context.workspace.outbox.exists()


@pytest.mark.slow
def test_a_run_that_fails_when_it_is_judged_again_is_no_automatic_baseline_any_more(
    context: RunContext, broken: Run
) -> None:
    with Store.open(context.workspace.results_url) as store:
        store.save_measurements(BROKEN, "thing.concurrent", [measurement("thing.concurrent")])

    def baselines() -> list[str]:
        with Store.open(context.workspace.results_url) as store:
            return [baseline.scenario for baseline in store.approvals.current(context.service)]

    assert steps.judge_again(context, BROKEN) is Verdict.PASS
    assert baselines() == [ALONE, "thing.concurrent"]
    with_limit(context.workspace.expectations, 0.001)
    assert steps.judge_again(context, BROKEN) is Verdict.FAIL
    assert baselines() == []


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda folder: (folder / "thing.json").rename(folder / "thnig.json"), "thnig.json"),
        (lambda folder: (folder / "thing.json").write_text("{"), "not JSON"),
    ],
)
def test_a_wrong_suite_is_refused_and_the_verdict_stands(
    context: RunContext, broken: Run, spoil: Callable[[Path], object], says: str
) -> None:
    steps.judge_again(context, BROKEN)
    before = steps.document(context, BROKEN)
    spoil(context.workspace.expectations)
    with pytest.raises(BadInputError, match=says):
        steps.judge_again(context, BROKEN)
    assert steps.document(context, BROKEN) == before


def test_a_scenario_whose_file_is_gone_keeps_its_targets(context: RunContext, broken: Run) -> None:
    workspace = context.workspace
    (workspace.scenarios / "thing.yaml").write_text(
        "endpoint: other\nscenarios: {x: {load: {workers: 1, requests: 1}, request: {path: /}}}"
    )
    with_limit(workspace.expectations, 0.001)
    steps.judge_again(context, BROKEN)
    assert steps.document(context, BROKEN).scenarios[0].verdict is Verdict.FAIL


def test_an_unknown_run_is_refused(context: RunContext) -> None:
    with pytest.raises(BadInputError, match="nowhere"):
        steps.judge_again(context, "nowhere")
