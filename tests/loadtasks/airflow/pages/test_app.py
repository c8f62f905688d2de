"""The pages in Airflow: what they show, who may see them, who may decide, and what no page does."""

import json
from typing import Any

import pytest

from loadtasks.report.folder import write
from loadtasks.results.regression import MovePlace, RegressionState
from loadtasks.results.run import Run
from loadtasks.results.store import Store
from loadtasks.steps import RunContext
from tests.airflow_process import AirflowProcess
from tests.loadtasks.report import samples
from tests.measurements import run
from tests.stored_runs import DASHBOARD, SESSIONS, ServiceLife, regression
from tests.workspaces import context_of

EVIL = "<script>alert('owned')</script>"
_SCENARIO = f"/scenario?service=shop&scenario={DASHBOARD}"
FETCH = """
import json, logging, os
from fastapi.testclient import TestClient
from airflow import plugins_manager, settings
from airflow.api_fastapi.app import create_app, get_auth_manager
from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser
from airflow.models.base import Base
logging.disable()
app = create_app(apps="core")
client = TestClient(app, follow_redirects=False, root_path=os.environ.get("ROOT", ""))
Base.metadata.create_all(settings.engine)  # migrations take many times as long
from airflow.models.dagrun import DagRun
from airflow.utils.session import create_session
from airflow.utils.types import DagRunType
from loadtasks.airflow.pages.forms import token_for

with create_session() as session:
    for state in ("queued", "failed", "success"):
        own = {"dag_id": "nightly_performance", "run_id": f"manual__{state}"}
        if not DagRun.find(**own):
            session.add(DagRun(**own, run_type=DagRunType.MANUAL, state=state))

def fetch(name, role, method, path, headers=None, form=None):
    user = SimpleAuthManagerUser(username=name, role=role)
    sent = {"Accept": "text/html"} | (headers or {})
    if name:
        sent["Authorization"] = f"Bearer {get_auth_manager().generate_jwt(user)}"
    if form is not None and form.get("token", "").startswith("of "):
        form["token"] = token_for(form["token"][3:])
    response = client.request(method, os.environ.get("ROOT", "") + "/performance" + path, headers=sent, data=form)
    return {
        "status": response.status_code,
        "location": response.headers.get("location", ""),
        "policy": response.headers.get("content-security-policy", ""),
        "text": response.text,
    }

print(json.dumps({
    "broken": plugins_manager.get_import_errors(),
    "views": [view["href"] for view in plugins_manager._get_ui_plugins()[0]],
    "found": [fetch(*request) for request in json.loads(os.environ["REQUESTS"])],
}))
"""


class Responses:
    """What a process of Airflow responded, by the name of each request."""

    def __init__(self, process: AirflowProcess, requests: dict[str, list[Any]], **environment: str) -> None:
        environment |= {"REQUESTS": json.dumps(list(requests.values()))}
        got = process.evaluate(FETCH, AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS="False", **environment)
        self.broken, self.views = got["broken"], got["views"]
        self._found = dict(zip(requests, got["found"], strict=True))

    def __getitem__(self, name: str) -> dict[str, Any]:
        return dict(self._found[name])


def admin(method: str, path: str, headers: Any = None, form: Any = None) -> list[Any]:
    return ["admin", "admin", method, path, headers, form]


def viewer(method: str, path: str, headers: Any = None, form: Any = None) -> list[Any]:
    return ["viewer", "viewer", method, path, headers, form]


def decision(name: str, token: str, why: str = "", back: str = "") -> dict[str, str]:
    return {"decision": name, "token": token, "why": why, "back": back}


@pytest.fixture(scope="module")
def context(airflow: AirflowProcess) -> RunContext:
    """Two services of two DAGs: of `shop` two regressions are open."""
    made = context_of(var=airflow.var)
    shop = ServiceLife(made, service="shop", dag_id="nightly_performance")
    for _ in range(4):
        shop.run({DASHBOARD: [], SESSIONS: []}, target_version=f"1.0{EVIL}")
    with Store.open(made.workspace.results_url) as store:
        for scenario in (DASHBOARD, SESSIONS):
            found = regression("day-4", scenario, first_run="day-3").model_copy(
                update={"service": "shop", "version_after": f"1.1{EVIL}"}
            )
            store.regressions.save(f"day-{4 if scenario == DASHBOARD else 3}", [found])
    ServiceLife(made, service="other service", dag_id="another").run({DASHBOARD: []}, run_id="other-1")
    reports = made.workspace.reports
    for run_id, service in (("day-4", "shop"), ("other-1", "other service")):
        stored: Run = run(run_id, service=service)
        write(samples.document(samples.result(DASHBOARD), **stored.model_dump()), reports)
    (airflow.var / "secret.txt").write_text("the secret")
    (reports / "day-4" / "link.txt").symlink_to(airflow.var / "secret.txt")
    return made


@pytest.fixture(scope="module")
def responses(airflow: AirflowProcess, context: RunContext) -> Responses:
    assert context.workspace.var == airflow.var
    url = "/regressions/1/decide"
    return Responses(
        airflow,
        {
            "anonymous": ["", "", "GET", "/?last=60"],
            "anonymous program": ["", "", "GET", "/", {"Accept": "application/json"}],
            "overview": admin("GET", "/"),
            "one service": admin("GET", "/?service=other+service"),
            "viewer": viewer("GET", "/"),
            "regressions": viewer("GET", "/regressions"),
            "no such": viewer("GET", "/regressions/77"),
            "odd number": viewer("GET", "/regressions/1e9"),
            "from dag": viewer("GET", "/of?dag_id=another"),
            "from dag run": viewer("GET", "/of?dag_id=another&dag_run_id=manual__2026-11-29"),
            "style": viewer("GET", "/static/pages.css"),
            "report": viewer("GET", "/files/day-4/"),
            "results": viewer("GET", "/files/day-4/results.json"),
            "on a worker": viewer("GET", "/files/day-2/"),
            "results on a worker": viewer("GET", "/files/day-2/results.json"),
            "no slash": viewer("GET", "/files/day-2"),
            "data docs on a worker": viewer("GET", "/files/day-2/data_docs/index.html"),
            "outside": viewer("GET", "/files/day-4/%2e%2e/%2e%2e/secret.txt"),
            "by a link": viewer("GET", "/files/day-4/link.txt"),
            "viewer decides": viewer("POST", url, None, decision("accept", "of viewer")),
            "no token": admin("POST", url, None, decision("accept", "")),
            "token of another": admin("POST", url, None, decision("accept", "of viewer")),
            "another site": admin("POST", url, {"Sec-Fetch-Site": "cross-site"}, decision("accept", "of admin")),
            "no decision": admin("POST", url, None, decision("delete", "of admin")),
            "long reason": admin("POST", url, None, decision("accept", "of admin", "x" * 1001)),
            "decides": admin("POST", url, None, decision("acknowledge", "of admin", f"known {EVIL}", "//x")),
            "decided": viewer("GET", "/regressions/1?done=acknowledge"),
            "dismisses": admin(
                "POST", "/regressions/2/decide", None, decision("dismiss", "of admin", "noise", _SCENARIO)
            ),
            "dismisses again": admin("POST", "/regressions/2/decide", None, decision("dismiss", "of admin")),
            "open ones": viewer("GET", "/regressions"),
            "all": viewer("GET", "/regressions?ended=yes"),
            "scenario": admin("GET", f"/scenario?service=shop&scenario={DASHBOARD}"),
            "scenario of viewer": viewer("GET", f"/scenario?service=shop&scenario={DASHBOARD}&metric=p50_s&range=all"),
            "no such scenario": viewer("GET", f"/scenario?service=shop&scenario={EVIL}"),
            "run": admin("GET", "/runs/day-4"),
            "run of viewer": viewer("GET", "/runs/day-4"),
            "piece": viewer("GET", f"/runs/day-4/scenario?name={DASHBOARD}"),
            "no such piece": viewer("GET", "/runs/day-4/scenario?name=nope"),
            "runs": viewer("GET", "/runs?service=shop"),
            "compare": viewer("GET", "/compare?run=day-4&with=day-1"),
            "compare newest": viewer("GET", "/compare?service=shop"),
            "compare one": viewer("GET", "/compare?service=other+service"),
            "no such run": viewer("GET", "/runs/nope"),
            **{
                state: viewer("GET", f"/runs/manual__{state}?dag_id=nightly_performance&dag_run_id=manual__{state}")
                for state in ("queued", "failed", "success")
            },
            "run of another id": viewer("GET", "/runs/nope?dag_id=nightly_performance&dag_run_id=manual__queued"),
            "approves": admin("POST", "/runs/day-2/approve", None, {"token": "of admin", "why": "release"}),
            "approved": viewer("GET", "/runs/day-2?done=approve"),
            "no such script": viewer("GET", "/script/other.js"),
            "starts": viewer("POST", "/run-again", None, {"token": "of viewer", "service": "shop"}),
        },
    )


def test_loads_and_links_from_everywhere(responses: Responses) -> None:
    assert responses.broken == {}
    assert "/performance/" in responses.views
    assert any("{RUN_ID}" in href for href in responses.views)


def test_whoever_is_not_logged_in_is_led_to_the_log_in_and_back(responses: Responses) -> None:
    anonymous = responses["anonymous"]
    assert (anonymous["status"], anonymous["location"]) == (
        303,
        "/api/v2/auth/login?next=/performance/%3Flast%3D60",
    )
    assert responses["anonymous program"]["status"] == 401


def test_the_overview_shows_services_regressions_and_scenarios(responses: Responses) -> None:
    text = responses["overview"]["text"]
    assert responses["overview"]["status"] == 200
    assert "Open regressions (2)" in text
    assert text.count('class="sparkline"') == 3 * 3  # scenarios x metrics
    assert text.count('fill="var(--baseline)"') == 2
    assert text.count("success rate of the last runs; baseline 100 %") == 2
    assert "shop" in text
    assert "other service" in text
    assert "shop" not in responses["one service"]["text"].partition('<ul class="services">')[2]


def test_a_viewer_reads_and_is_offered_no_decision(responses: Responses) -> None:
    assert responses["viewer"]["status"] == 200
    assert "Acknowledge" in responses["overview"]["text"]
    assert "Run again" in responses["overview"]["text"]
    for name in ("viewer", "regressions"):
        assert 'name="token"' not in responses[name]["text"]
    for name in ("viewer decides", "starts"):
        assert responses[name]["status"] == 403
        assert "right to" in responses[name]["text"]


def test_only_a_form_of_our_own_page_decides(responses: Responses, context: RunContext) -> None:
    refused = ("no token", "token of another", "another site", "no decision", "long reason")
    assert [responses[name]["status"] for name in refused] == [403, 403, 403, 400, 400]
    with Store.open(context.workspace.results_url) as store:
        moves = store.regressions.find(1).moves
    assert [(move.state, move.who, move.place) for move in moves[1:]] == [
        (RegressionState.ACKNOWLEDGED, "admin", MovePlace.PAGE)
    ]


def test_a_decision_is_kept_with_who_and_why_and_shown(responses: Responses) -> None:
    assert (responses["decides"]["status"], responses["decides"]["location"]) == (
        303,
        "/performance/regressions/1?done=acknowledge",
    )
    text = responses["decided"]["text"]
    assert "by admin" in text
    assert "known &lt;script&gt;" in text
    assert "no longer fail" in text
    assert "regression 2 (sessions.filtered) was dismissed by admin" in responses["dismisses again"]["text"]
    assert SESSIONS not in responses["open ones"]["text"]
    assert SESSIONS in responses["all"]["text"]


def test_nothing_that_a_target_sent_is_markup(responses: Responses) -> None:
    for name in ("scenario", "run", "piece", "runs", "compare", "no such scenario"):
        assert EVIL not in responses[name]["text"]
        assert "script-src 'self'" in responses[name]["policy"]
    for name in ("overview", "regressions", "decided", "all"):
        assert EVIL not in responses[name]["text"]
        assert "1.1&lt;script&gt;" in responses[name]["text"]
        policy = responses[name]["policy"]
        assert "script-src 'self'" in policy
        assert "unsafe-inline" not in policy.partition("style-src")[0]


def test_links_of_airflow_lead_to_pages(responses: Responses) -> None:
    assert "other service" in responses["from dag"]["text"]
    assert responses["from dag run"]["location"].startswith(
        "/performance/runs/another.manual__2026-11-29?dag_id=another"
    )


def test_what_is_not_there_is_said_on_a_page(responses: Responses) -> None:
    assert responses["no such"]["status"] == 404
    assert "there is no regression 77" in responses["no such"]["text"]
    assert responses["odd number"]["status"] == 404
    assert "can&#39;t be read (number)" in responses["odd number"]["text"]


def test_a_scenario_shows_its_history_and_offers_decisions(responses: Responses) -> None:
    text = responses["scenario"]["text"]
    assert text.count('<script type="application/json">') >= 2  # a metric over runs, and a distribution
    assert 'action="/performance/regressions/1/decide"' in text
    assert "Slowest requests" in text
    assert 'name="token"' not in responses["scenario of viewer"]["text"]
    assert "No run of shop has measured" in responses["no such scenario"]["text"]
    assert DASHBOARD in responses["no such scenario"]["text"]
    assert responses["dismisses"]["location"] == f"/performance{_SCENARIO}&done=dismiss"


def test_a_run_is_shown_with_its_neighbours_files_and_scenarios(responses: Responses) -> None:
    text = responses["run"]["text"]
    assert 'href="/performance/runs/day-3"' in text
    assert 'href="/performance/files/day-4/results.json"' in text
    assert f'data-load="/performance/runs/day-4/scenario?name={DASHBOARD}"' in text
    assert "Approve as baseline" in text
    assert 'name="token"' not in responses["run of viewer"]["text"]
    assert "How the requests ended" in responses["piece"]["text"]
    assert "<html" not in responses["piece"]["text"]
    assert responses["runs"]["text"].index("/runs/day-4") < responses["runs"]["text"].index("/runs/day-3")


def test_two_runs_are_compared(responses: Responses) -> None:
    for name in ("compare", "compare newest"):
        assert "Ratio of this run to the other" in responses[name]["text"]
    assert "fewer than two runs" in responses["compare one"]["text"]


def test_a_run_that_is_not_there_is_said_to_be_so(responses: Responses) -> None:
    assert "has not been opened yet" in responses["queued"]["text"]
    assert 'data-refresh="5"' in responses["queued"]["text"]
    assert "was never opened" in responses["failed"]["text"]
    assert "data-refresh" not in responses["failed"]["text"]
    assert "Nothing is kept of this run" in responses["success"]["text"]
    missing = ("no such run", "run of another id", "no such piece", "no such script")
    assert [responses[name]["status"] for name in missing] == [404] * 4


def test_a_run_is_approved_as_the_baseline(responses: Responses, context: RunContext) -> None:
    assert responses["approves"]["location"] == "/performance/runs/day-2?done=approve"
    assert "Approved:" in responses["approved"]["text"]
    with Store.open(context.workspace.results_url) as store:
        newest = {(one.run_id, one.approved_by, one.why) for one in store.approvals.current("shop")}
    assert newest == {("day-2", "admin", "release")}


def test_files_of_reports_are_served_and_nothing_else(responses: Responses) -> None:
    assert responses["style"]["status"] == 200
    assert responses["report"]["status"] == 200
    assert "script-src 'none'" in responses["report"]["policy"]
    assert '"schema_version"' in responses["results"]["text"]
    for name in ("outside", "by a link"):
        assert responses[name]["status"] == 404
        assert "the secret" not in responses[name]["text"]


def test_a_report_on_the_disk_of_a_worker_is_made_from_the_database(responses: Responses, context: RunContext) -> None:
    assert not (context.workspace.reports / "day-2").exists()
    assert "nightly performance of shop" in responses["on a worker"]["text"]
    assert "script-src 'none'" in responses["on a worker"]["policy"]
    assert json.loads(responses["results on a worker"]["text"])["run"]["id"] == "day-2"
    assert responses["no slash"]["location"] == "/performance/files/day-2/"
    assert responses["data docs on a worker"]["status"] == 404


def test_whoever_may_read_one_dag_sees_its_services_alone(airflow: AirflowProcess, context: RunContext) -> None:
    assert context.workspace.var == airflow.var

    def by(user: str, method: str, path: str, form: Any = None) -> list[Any]:
        return [user, "admin", method, path, None, form]

    reads, edits = "reads:another", "edits:nightly_performance"
    found = Responses(
        airflow,
        {
            "anonymous": ["", "", "GET", "/"],
            "overview": by(reads, "GET", "/"),
            "regressions": by(reads, "GET", "/regressions?ended=yes"),
            "regression": by(reads, "GET", "/regressions/1"),
            "report": by(reads, "GET", "/files/day-4/results.json"),
            "report on a worker": by(reads, "GET", "/files/day-2/results.json"),
            "own report": by(reads, "GET", "/files/other-1/results.json"),
            "scenario": by(reads, "GET", _SCENARIO),
            "run": by(reads, "GET", "/runs/day-4"),
            "piece": by(reads, "GET", f"/runs/day-4/scenario?name={DASHBOARD}"),
            "compare": by(reads, "GET", "/compare?run=day-4&with=day-1"),
            "compare with": by(reads, "GET", "/compare?run=other-1&with=day-1"),
            "queued": by(reads, "GET", "/runs/manual__queued?dag_id=nightly_performance&dag_run_id=manual__queued"),
            "approves": by(reads, "POST", "/runs/other-1/approve", {"token": f"of {reads}"}),
            "runs": by(reads, "GET", "/runs"),
            "dag": by(reads, "GET", "/of?dag_id=nightly_performance"),
            "decides": by(reads, "POST", "/regressions/1/decide", decision("fix", f"of {reads}")),
            "editor": by(edits, "GET", "/"),
            "editor decides": by(edits, "POST", "/regressions/1/decide", decision("fix", f"of {edits}")),
        },
        AIRFLOW__CORE__AUTH_MANAGER="tests.loadtasks.airflow.pages.by_dag.ByDag",
        AIRFLOW__API__BASE_URL="http://127.0.0.1:8080/team",
        ROOT="/team",
    )
    assert found["overview"]["status"] == 200
    assert "other service" in found["overview"]["text"]
    for name in ("overview", "regressions", "runs"):
        assert "shop" not in found[name]["text"]
    for name in ("scenario", "run", "piece", "compare", "compare with", "queued"):
        assert (found[name]["status"], "shop" in found[name]["text"]) == (404, False)
    assert found["approves"]["status"] == 403
    assert [
        found[name]["status"] for name in ("regression", "report", "report on a worker", "own report", "dag", "decides")
    ] == [
        404,
        404,
        404,
        200,
        404,
        404,
    ]
    assert "other service" not in found["editor"]["text"]
    assert found["editor decides"]["location"] == "/team/performance/regressions/1?done=fix"
    assert found["anonymous"]["location"] == "/team/api/v2/auth/login?next=/team/performance/"
    assert "/team/performance/" in found.views
    assert 'href="/team/performance/regressions"' in found["overview"]["text"]
