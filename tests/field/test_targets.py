"""Targets as people write them, and targets that nobody wrote, from a server to verdict, report and mail."""

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

from loadtasks.results.document import ResultsDocument, read_document
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict
from loadtasks.workspace import Workspace
from tests.servers import ScriptedServer, ok, scripted
from tests.thing import call, check_refused
from tests.workspaces import own_workspace

SCENARIOS = """
endpoint: items
request: {path: /v1/items}
scenarios:
  closed: {load: {workers: 2, requests: 200}}
"""
BETWEEN = "expect_column_values_to_be_between"
CONSERVED = {"type": BETWEEN, "kwargs": {"column": "conservation_gap", "min_value": 0, "max_value": 0}}


class Items:
    """An API of items; of each hundred requests for them the first ones fail."""

    failing = 0
    status = "500 Oops"
    asked = 0

    def __call__(self, connection: socket.socket, request: bytes) -> bool:
        if not request.startswith(b"GET /v1/"):
            connection.sendall(ok())
            return True
        fails = self.asked % 100 < self.failing
        self.asked += 1
        connection.sendall(ok(b"{}", status=self.status if fails else "200 OK"))
        return True


@pytest.fixture
def items() -> Items:
    return Items()


@pytest.fixture
def server(items: Items) -> Iterator[ScriptedServer]:
    with scripted(items) as running:
        yield running


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace whose only suite says nothing of the API."""
    made = own_workspace(tmp_path, monkeypatch, SCENARIOS, json.dumps({"expectations": [CONSERVED]}))
    (made.scenarios / "thing.yaml").rename(made.scenarios / "items.yaml")
    (made.expectations / "thing.json").rename(made.expectations / "every_measurement.json")
    return made


def write(workspace: Workspace, *expectations: dict[str, Any], name: str = "items") -> None:
    (workspace.expectations / f"{name}.json").write_text(json.dumps({"expectations": expectations}))


def target(severity: str = "critical", **kwargs: Any) -> dict[str, Any]:
    return {"type": BETWEEN, "kwargs": kwargs, "severity": severity}


def run(server: ScriptedServer, exit_code: int, *arguments: str) -> Result:
    result = call("run", "--target", server.url, *arguments)
    assert result.exit_code == exit_code, result.output
    return result


def document(workspace: Workspace) -> ResultsDocument:
    return read_document(workspace.reports / "latest" / "results.json")


def found(workspace: Workspace, code: FindingCode) -> list[Finding]:
    return [finding for finding in document(workspace).scenarios[0].findings if finding.code is code]


@pytest.mark.parametrize(
    ("expectation", "says"),
    [
        (
            {
                "type": "expect_column_quantile_values_to_be_between",
                "kwargs": {"column": "p95_s", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 2.0]]}},
            },
            "serializable",
        ),
        (
            {"type": "expect_column_values_between", "kwargs": {"column": "success_rate", "min_value": 0.95}},
            "not found",
        ),
        ({"type": "expect_table_row_count_to_equal_other_table", "kwargs": {"other_table_name": "x"}}, "tables"),
        (target(column="p95_s", max_value=2.0, row_condition='scenario == "items.close"'), "items.closed"),
        (target(column="p95_s", max_value=2.0, row_condition='part == "items" and p95_s > 0'), "part"),
        (target(column="p95_s", max_value=2.0, row_condition="scenario ="), "evaluate"),
        (target(column="p95_s", max_value="2 s"), "must be a number"),
        (target(column="p95_s", max_value=2.0, mostly=0), "mostly"),
    ],
    ids=lambda value: value["type"] if isinstance(value, dict) else value,
)
def test_what_can_not_be_judged_is_refused_before_anything_is_sent(
    workspace: Workspace, server: ScriptedServer, expectation: dict[str, Any], says: str
) -> None:
    write(workspace, expectation)
    for command in (("run", "--target", server.url), ("targets",)):
        check_refused(call(*command), 2, "items.json", "expectation 1", says)
    assert server.requests == []
    assert "No run yet" in call("runs").output


def test_a_suite_with_a_typo_in_its_name_is_refused_and_one_of_another_scenario_is_not(
    workspace: Workspace, server: ScriptedServer
) -> None:
    (workspace.scenarios / "users.yaml").write_text(SCENARIOS.replace("items", "users").replace("200", "20"))
    write(workspace, target(column="success_rate", min_value=0.9))
    write(workspace, target(column="success_rate", min_value=0.9), name="user")
    check_refused(call("run", "items", "--target", server.url), 2, "user.json", "items", "users.json")
    assert server.requests == []
    (workspace.expectations / "user.json").rename(workspace.expectations / "users.json")
    run(server, 0, "items")


@pytest.mark.parametrize(
    "expectations",
    [
        [],
        [target(column="p95_s", max_value=2.0)],
        [target(column="success_rate", min_value=0.0)],
        [target("warning", column="success_rate", min_value=0.99)],
        [target(column="p95_s", max_value=2.0, row_condition="completed > 0")],
    ],
    ids=["no suite", "latency alone", "none has to succeed", "warnings alone", "a condition that nothing fulfils"],
)
def test_where_nothing_succeeds_no_suite_makes_it_a_pass(
    workspace: Workspace, server: ScriptedServer, items: Items, expectations: list[dict[str, Any]]
) -> None:
    items.failing, items.status = 100, "404 Not Found"
    if expectations:
        write(workspace, *expectations)
    output = run(server, 1).output
    (finding,) = found(workspace, FindingCode.NOTHING_SUCCEEDED)
    assert finding.observed == 0.0
    assert "none of 200 requests succeeded" in output
    assert "404" in (workspace.reports / "latest" / "summary.md").read_text().splitlines()[0]


def test_a_folder_without_suites_is_judged_by_the_built_in_targets(
    workspace: Workspace, server: ScriptedServer, items: Items
) -> None:
    (workspace.expectations / "every_measurement.json").unlink()
    assert "PASS  " in run(server, 0).output
    items.failing = 2
    run(server, 1)
    assert found(workspace, FindingCode.NO_TARGET)


@pytest.mark.parametrize(("failing", "verdict"), [(0, Verdict.PASS), (1, Verdict.PASS), (2, Verdict.FAIL)])
def test_without_a_target_99_percent_have_to_succeed_and_the_first_line_says_that_there_is_none(
    workspace: Workspace, server: ScriptedServer, items: Items, failing: int, verdict: Verdict
) -> None:
    items.failing = failing
    output = run(server, verdict.exit_code).output
    assert document(workspace).verdict is verdict
    missed = found(workspace, FindingCode.TARGET_MISSED)
    assert [finding.parameters.built_in for finding in missed] == [True] * (verdict is Verdict.FAIL)  # type: ignore[attr-defined]
    says = "no target applies to any scenario"
    first_lines = [(workspace.reports / "latest" / "summary.md").read_text().splitlines()[0]]
    first_lines += [line for line in output.splitlines() if line.startswith(("PASS", "FAIL"))]
    first_lines += [mail.read_text().split("\nSubject: ", 1)[-1] for mail in workspace.outbox.glob("*.eml")]
    assert len(first_lines) == (3 if verdict is Verdict.FAIL else 2)
    for line in first_lines:
        assert says in " ".join(line.split())
    assert says.capitalize() in (workspace.reports / "latest" / "index.html").read_text()


def test_the_errors_of_a_passing_scenario_are_in_every_report(
    workspace: Workspace, server: ScriptedServer, items: Items
) -> None:
    items.failing = 3
    write(workspace, target(column="success_rate", min_value=0.9))
    output = run(server, 0).output
    reports = workspace.reports / "latest"
    for text in (output, (reports / "summary.md").read_text(), (reports / "index.html").read_text()):
        assert "6 of 200 requests did not succeed (3.0" in text.replace("\N{NO-BREAK SPACE}", " ").replace("\\", "")
        assert "GET /v1/items" in text
    (finding,) = found(workspace, FindingCode.ERRORS)
    assert finding.parameters.count == 6  # type: ignore[attr-defined]


def test_a_target_without_a_measurement_fails(workspace: Workspace, server: ScriptedServer, items: Items) -> None:
    items.failing = 100
    write(workspace, target(column="p95_s", max_value=2.0, mostly=0.5), target(column="success_rate", min_value=0.0))
    run(server, 1)
    (missed,) = found(workspace, FindingCode.TARGET_MISSED)
    assert (missed.metric, missed.observed) == ("p95_s", None)


def test_an_expectation_that_raises_while_judging_fails_itself_alone(
    workspace: Workspace, server: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("loadtasks.steps.judging.check_suites", lambda *_given: None)  # as if it were changed later
    quantiles = {"column": "p95_s", "quantile_ranges": {"quantiles": [0.5], "value_ranges": [[0, 2.0]]}}
    write(
        workspace,
        {"type": "expect_column_quantile_values_to_be_between", "kwargs": quantiles},
        target(column="p50_s", max_value=0.0),
    )
    output = run(server, 1).output
    (not_evaluated,) = found(workspace, FindingCode.TARGET_NOT_EVALUATED)
    assert not_evaluated.misses_target
    assert [finding.metric for finding in found(workspace, FindingCode.TARGET_MISSED)] == ["p50_s"]
    assert "Target not evaluated: expectation 1 of items.json" in output
    assert "Traceback" not in output
    assert (workspace.reports / "latest" / "index.html").is_file()


def test_a_run_is_judged_again_by_the_suites_as_they_are_now(workspace: Workspace, server: ScriptedServer) -> None:
    write(workspace, target(column="success_rate", min_value=0.9))
    run(server, 0)
    sent = len(server.requests)
    write(workspace, target(column="p50_s", max_value=0.0))
    outputs = []
    for _ in range(2):
        result = call("judge", "latest")
        assert result.exit_code == 1, result.output
        outputs.append(result.output)
    assert outputs[0] == outputs[1]
    assert found(workspace, FindingCode.TARGET_MISSED)[0].metric == "p50_s"
    assert len(server.requests) == sent
    assert not workspace.outbox.exists()
    write(workspace, target(column="success_rate", min_value=0.9))
    assert call("judge", document(workspace).run.id).exit_code == 0
    check_refused(call("judge", "nowhere"), 2, "nowhere")
