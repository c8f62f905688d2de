"""The workflows under .github/ are safe and run what there is, as far as that can be seen without GitHub."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from ruamel.yaml import YAML

from loadtasks.cli.main import cli

PROJECT = Path(__file__).resolve().parents[2]
WORKFLOWS: dict[str, dict[str, Any]] = {
    path.stem: YAML(typ="safe").load(path) for path in sorted((PROJECT / ".github" / "workflows").glob("*.yml"))
}
MAKEFILE = (PROJECT / "Makefile").read_text().replace("$(VENV)", ".venv")
PINNED = re.compile(r"actions/[\w-]+@[0-9a-f]{40}")
COMMENT = WORKFLOWS["performance-comment"]


def jobs() -> Iterator[tuple[str, dict[str, Any], dict[str, Any]]]:
    for file, workflow in WORKFLOWS.items():
        for name, job in workflow["jobs"].items():
            yield f"{file}/{name}", workflow, job


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def commands(workflow: dict[str, Any]) -> list[str]:
    return [line for step in steps(workflow) for line in step.get("run", "").splitlines()]


JOBS = list(jobs())


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS.keys())
def test_actions_are_pinned_and_leave_no_token_behind(workflow: dict[str, Any]) -> None:
    for step in steps(workflow):
        if "uses" in step:
            assert PINNED.fullmatch(step["uses"]), step
        if step.get("uses", "").startswith("actions/checkout"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize(("workflow", "job"), [case[1:] for case in JOBS], ids=[case[0] for case in JOBS])
def test_a_job_ends_and_may_only_do_what_it_says(workflow: dict[str, Any], job: dict[str, Any]) -> None:
    assert job["timeout-minutes"] <= 40
    allowed = job.get("permissions", workflow["permissions"])
    writing = {name for name, level in allowed.items() if level != "read"}
    assert writing == ({"pull-requests"} if workflow is COMMENT else set())


@pytest.mark.parametrize("workflow", WORKFLOWS.values(), ids=WORKFLOWS.keys())
def test_no_shell_runs_what_an_event_says(workflow: dict[str, Any]) -> None:
    for step in steps(workflow):
        assert "${{" not in step.get("run", ""), step
    assert "pull_request_target" not in workflow["on"]


def test_what_a_pull_request_brings_is_run_without_secrets() -> None:
    text = (PROJECT / ".github" / "workflows" / "performance.yml").read_text()
    assert "secrets." not in text
    assert WORKFLOWS["performance"]["permissions"] == {"contents": "read"}


def test_the_comment_runs_nothing_of_the_pull_request() -> None:
    assert list(COMMENT["on"]) == ["workflow_run"]
    assert COMMENT["on"]["workflow_run"]["workflows"] == [WORKFLOWS["performance"]["name"]]
    (checkout,) = [step for step in steps(COMMENT) if step.get("uses", "").startswith("actions/checkout")]
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    (download,) = [step for step in steps(COMMENT) if step.get("uses", "").startswith("actions/download-artifact")]
    measured = WORKFLOWS["performance"]["jobs"]["pull-request"]["steps"]
    assert download["with"]["name"] in [step["with"]["name"] for step in measured if "name" in step.get("with", {})]
    (gathered,) = [
        step["with"]["path"] for step in measured if step.get("with", {}).get("name") == download["with"]["name"]
    ]
    assert re.fullmatch(r"\w+/", gathered), "of several paths, the artifact's root is what they have in common"
    (gathering,) = [step["run"] for step in measured if gathered in step.get("run", "")]
    assert f'cp -rL "$made" {gathered}' in gathering
    assert "var/reports/latest/." in gathering  # so that results.json is at the root
    assert f"{download['with']['path']}/results.json" in "\n".join(commands(COMMENT))
    # Nothing that was downloaded is run, sourced or installed: the one command that reads it is this project's own.
    assert [line for line in commands(COMMENT) if download["with"]["path"] in line] == [
        line for line in commands(COMMENT) if "loadtasks ci comment" in line
    ]


def test_the_history_is_taken_from_the_default_branch_of_this_repository_alone() -> None:
    (step,) = [step for step in steps(WORKFLOWS["performance"]) if step.get("id") == "history"]
    assert '.head_branch == "main" and .head_repository_id == .repository_id' in step["run"]
    uploaded = [step["with"]["name"] for step in steps(WORKFLOWS["performance"]) if "name" in step.get("with", {})]
    assert re.search(r"artifacts\?name=([\w-]+)", step["run"])[1] in uploaded  # type: ignore[index]


def test_commands_and_targets_that_workflows_run_exist() -> None:
    lines = [line.strip() for workflow in WORKFLOWS.values() for line in commands(workflow)]
    called = [shlex.split(line) for line in lines if "-m loadtasks" in line]
    assert called
    for words in called:
        command: click.Command = cli
        arguments = words[words.index("loadtasks") + 1 :]
        while isinstance(command, click.Group):
            command = command.commands[arguments.pop(0)]
        known = {option for parameter in command.params for option in parameter.opts}
        assert {word for word in arguments if word.startswith("--")} <= known, words
    for line in lines:
        if line.startswith("make "):
            assert re.search(rf"^{re.escape(line.split()[1])}:", MAKEFILE, re.MULTILINE), line
