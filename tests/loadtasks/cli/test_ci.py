"""`ci comment`, from the variables of a CI system to the comment on a code host of our own."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from loadtasks.ci_variables import CiVariables
from loadtasks.report import pull_request
from tests.code_host import HEAD, TOKEN, FakeCodeHost, serving
from tests.loadtasks.report.reviews import DOCUMENTS
from tests.thing import call, check_refused

MARKER = pull_request.marker("default")
BASE_ID, FORK_ID = 11, 99


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A results file of a pull request that regressed."""
    path = tmp_path_factory.mktemp("artifact") / "results.json"
    DOCUMENTS["regressed"].write(path)
    return str(path)


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeCodeHost]:
    """A code host, and an environment without a CI system."""
    for name in [*CiVariables.model_fields, "loadtasks_service"]:
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    fake = FakeCodeHost()
    with serving(fake):
        yield fake


def on_github(host: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, folder: Path, **event: Any) -> None:
    """The variables of a job that an event has started."""
    file = folder / "event.json"
    file.write_text(json.dumps(event))
    values = {
        "ACTIONS": "true",
        "API_URL": host.url,
        "SERVER_URL": "https://github.test",
        "REPOSITORY": "acme/shop",
        "RUN_ID": "123",
        "TOKEN": TOKEN,
        "EVENT_PATH": str(file),
    }
    for name, value in values.items():
        monkeypatch.setenv(f"GITHUB_{name}", value)


PULL_REQUEST = {"number": 7, "head": {"sha": HEAD}}


def workflow_run(**changes: Any) -> dict[str, Any]:
    """The event that another workflow has ended: that of a pull request from a fork, which the event doesn't name."""
    run = {
        "event": "pull_request",
        "head_sha": HEAD,
        "head_branch": "main",
        "head_repository": {"owner": {"login": "fork"}},
        "pull_requests": [],
        "html_url": "https://github.test/acme/shop/actions/runs/122",
    }
    return {"workflow_run": run | changes, "repository": {"id": BASE_ID}}


def test_on_github_one_comment_is_posted_and_then_updated_wherever_it_is(
    host: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: str
) -> None:
    on_github(host, monkeypatch, tmp_path, pull_request=PULL_REQUEST)
    for number in range(230):
        host.add(f"{MARKER}\nforged" if number == 3 else f"comment {number}")
    posted = call("ci", "comment", results)
    assert (posted.exit_code, posted.stderr) == (0, "")
    assert "posted on acme/shop#7: https://github.test/acme/shop/pull/7#c231" in posted.output
    text = host.comments[230]["body"]
    assert text.startswith(f"{MARKER}\n### ▲ Performance: 1 of 14 scenarios regressed")
    assert "[Report](<https://github.test/acme/shop/actions/runs/123>) · updated for `a1b2c3d`" in text
    host.comments[230]["body"] = f"{MARKER}\nold"
    assert "updated on acme/shop#7" in call("ci", "comment", results).output
    assert (len(host.comments), host.comments[230]["body"]) == (231, text)
    assert host.comments[3]["body"] == f"{MARKER}\nforged"  # somebody else's, which the job's token could change
    assert "posted" in call("ci", "comment", results, "--key", "payments").output
    assert host.comments[231]["body"].startswith(pull_request.marker("payments"))
    assert host.tokens == {f"authorization: Bearer {TOKEN}"}


def test_on_gitlab_a_note_is_posted_and_updated(
    host: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, results: str
) -> None:
    values = {
        "GITLAB_CI": "true",
        "CI_API_V4_URL": f"{host.url}/api/v4",
        "CI_PROJECT_ID": "3",
        "CI_MERGE_REQUEST_PROJECT_ID": "5",
        "CI_MERGE_REQUEST_IID": "7",
        "CI_COMMIT_SHA": HEAD,
        "CI_JOB_URL": "https://gitlab.test/acme/shop/-/jobs/9",
        "CI_JOB_TOKEN": "job-token-of-gitlab",
    }
    for name, value in values.items():
        monkeypatch.setenv(name, value)
    host.answer = lambda method, path: ("401 Unauthorized", {"message": "401 Unauthorized"})
    refused = call("ci", "comment", results)
    assert (refused.exit_code, refused.stdout) == (0, "")
    assert "GITLAB_TOKEN has to be an access token of the project" in refused.stderr
    assert host.tokens == {"job-token: job-token-of-gitlab"}
    host.answer = lambda method, path: None
    monkeypatch.setenv("GITLAB_TOKEN", TOKEN)
    host.own_login = "project_5_bot"
    host.add(f"{MARKER}\nforged")
    assert "posted on 5!7" in call("ci", "comment", results).output
    assert "updated on 5!7" in call("ci", "comment", results).output
    assert [comment["body"].splitlines()[0] for comment in host.comments] == [MARKER, MARKER]
    assert "| this\N{NO-BREAK SPACE}MR |" in host.comments[1]["body"]
    assert "jobs/9/artifacts/browse" in host.comments[1]["body"]
    assert "POST /api/v4/projects/5/merge_requests/7/notes" in host.asked


def test_the_pull_request_of_another_workflow_is_found_by_its_commit(
    host: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: str
) -> None:
    on_github(host, monkeypatch, tmp_path, **workflow_run())
    assert "posted on acme/shop#7" in call("ci", "comment", results).output
    assert "/actions/runs/122>" in host.comments[0]["body"]
    ours = {"number": 7, "head": {"sha": HEAD}, "base": {"repo": {"id": BASE_ID}}}
    theirs = ours | {"number": 8, "base": {"repo": {"id": FORK_ID}}}
    older = ours | {"number": 9, "head": {"sha": "0" * 40}}
    host.asked.clear()
    on_github(host, monkeypatch, tmp_path, **workflow_run(pull_requests=[ours, theirs, older]))
    assert "updated on acme/shop#7" in call("ci", "comment", results).output
    assert "GET /repos/acme/shop/pulls" not in host.asked
    on_github(host, monkeypatch, tmp_path, **workflow_run(head_sha="f" * 40))
    moved = call("ci", "comment", results)
    assert (moved.exit_code, len(host.comments)) == (0, 1)
    assert "is closed, or has moved on" in moved.stderr
    on_github(host, monkeypatch, tmp_path, **workflow_run(event="push"))
    pushed = call("ci", "comment", results)
    assert (pushed.exit_code, pushed.stderr) == (
        0,
        "No comment: the workflow that ended was started by push, not by a pull request.\n",
    )
    assert "updated" in call("ci", "comment", results, "--sha", HEAD).output


def test_results_of_a_commit_that_is_no_longer_the_head_are_not_posted(
    host: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: str
) -> None:
    on_github(host, monkeypatch, tmp_path, pull_request=PULL_REQUEST | {"head": {"sha": "b" * 40}})
    assert "has moved on" in call("ci", "comment", results).output
    assert not host.comments


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (("403 Forbidden", {"message": f"Resource not accessible by {TOKEN}"}), "permissions: pull-requests: write"),
        (("404 Not Found", {}), "no such pull request"),
        (("307 Temporary Redirect", {}), "redirects elsewhere"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<html>...", "no JSON"),
        (b"no HTTP at all\r\n\r\n", "no usable response"),
    ],
)
def test_what_cannot_be_posted_is_one_sentence_and_no_failure(
    host: FakeCodeHost,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    results: str,
    answer: Any,
    said: str,
) -> None:
    monkeypatch.setattr("loadtasks.code_hosts.rest._RETRY_S", 0.01)
    on_github(host, monkeypatch, tmp_path, pull_request=PULL_REQUEST)
    host.answer = lambda method, path: answer
    result = call("ci", "comment", results)
    assert (result.exit_code, result.stdout) == (0, "")
    assert result.stderr.count("\n") == 1
    assert said in result.stderr
    assert TOKEN not in result.stderr


def test_without_a_token_or_a_pull_request_there_is_nothing_to_do(
    host: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, results: str
) -> None:
    on_github(host, monkeypatch, tmp_path, ref="refs/heads/main")
    assert "this job is none of a pull request" in call("ci", "comment", results).stderr
    monkeypatch.delenv("GITHUB_TOKEN")
    nothing = call("ci", "comment", results, "--pull-request", "7")
    assert (nothing.exit_code, host.asked) == (0, [])
    assert "there is no token; set GITHUB_TOKEN" in nothing.stderr


def test_a_results_file_that_cannot_be_used_is_refused_or_named_in_the_comment(
    host: FakeCodeHost, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    on_github(host, monkeypatch, tmp_path, pull_request=PULL_REQUEST)
    cut = tmp_path / "cut.json"
    cut.write_text('{"schema_version": 9,')
    check_refused(call("ci", "comment", str(cut)), 2, "cut.json")
    check_refused(call("ci", "comment", str(tmp_path / "none.json")), 2, "none.json")
    check_refused(call("ci", "comment", str(cut), "--sha", "main"), 2, "--sha main", "whole hash")
    assert not host.comments
    assert call("ci", "comment", str(tmp_path / "none.json"), "--missing").exit_code == 0
    text = host.comments[0]["body"]
    assert "### ? Performance: no result" in text
    assert "there is no such file" in text


def test_a_comment_can_be_printed(host: FakeCodeHost, results: str) -> None:
    options = ("--report-url", "https://ci.test/7", "--sha", HEAD, "--platform", "gitlab")
    printed = call("ci", "comment", results, "--print", *options)
    assert printed.exit_code == 0
    assert printed.output.startswith(MARKER)
    assert "[Report](<https://ci.test/7>) · updated for `a1b2c3d`" in printed.output
    assert "this\N{NO-BREAK SPACE}MR" in printed.output
    assert not host.asked
