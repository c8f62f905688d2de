"""The wheel: what is in it, and that it works in an environment that has nothing else."""

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import loadtasks
from tests.servers import ScriptedServer, answering, ok, scripted

PROJECT = Path(__file__).resolve().parents[1]
PROJECT_TABLE: dict[str, Any] = tomllib.loads((PROJECT / "pyproject.toml").read_text())["project"]
SCENARIOS = """
endpoint: orders
request: {path: /v2/orders, checks: {json: {items: {type: array}}}}
scenarios:
  concurrent: {load: {workers: 2, requests: 20}}
"""
TARGETS = """
{"name": "orders", "expectations": [{"type": "expect_column_values_to_be_between",
 "kwargs": {"column": "p95_s", "max_value": 0.000001, "strict_max": true}}]}
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(folder))
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment that holds the wheel and what it depends on."""
    environment = tmp_path_factory.mktemp("environment")
    uv = str(Path(sys.executable).with_name("uv"))
    run(uv, "venv", "--quiet", "--python", sys.executable, str(environment))
    python = environment / "bin" / "python"
    locked = ("--constraint", str(PROJECT / "requirements.txt"))
    run(uv, "pip", "install", "--quiet", "--python", str(python), *locked, str(wheel))
    return python.parent


IN_AIRFLOW = """
import json
from airflow import plugins_manager
from airflow.api_fastapi.core_api.services.ui.connections import HookMetaService
from airflow.dag_processing.dagbag import BundleDagBag
from airflow.providers_manager import ProvidersManager
import loadtasks

bag = BundleDagBag(dag_folder="dags", bundle_path="dags", bundle_name="dags-folder")
form = next(one for one in HookMetaService.hook_meta_data() if one.connection_type == "performance_target")
dag = bag.dags.get("orders")
print(json.dumps({
    "file": loadtasks.__file__,
    "plugins": [type(plugin).__name__ for plugin in plugins_manager._get_plugins()[0]],
    "broken": [plugins_manager.get_import_errors(), bag.import_errors],
    "provider": ProvidersManager().providers["nightly-performance"].version,
    "form": [form.hook_name, *form.extra_fields],
    "labels": [form.standard_fields.host.title, form.standard_fields.url_schema.hidden],
    "dags": {dag_id: [task.pool for task in dag.tasks if task.is_mapped] for dag_id, dag in bag.dags.items()},
    "scenarios": dag and dag.params.get_param("scenarios").dump()["schema"]["examples"],
    "project": dag and str(dag.project.folder),
}))
"""
DAG_FILE = """
from loadtasks.airflow import maintenance_dag, performance_dag, triage_dag

performance_dag("orders", service="orders", pool="eu")
maintenance_dag()
triage_dag()
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project folder of somebody else's API."""
    for folder, file, text in (
        ("scenarios", "orders.yaml", SCENARIOS),
        ("expectations", "README.md", "No suite: Great Expectations is imported in one of the two runs only."),
        ("strict", "orders.json", TARGETS),
    ):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / file).write_text(text)
    return tmp_path


@pytest.fixture
def api() -> Iterator[ScriptedServer]:
    with scripted(answering(ok(b'{"items": []}'))) as server:
        yield server


def run(*command: str, cwd: Path = PROJECT, code: int = 0, **variables: str) -> str:
    """Run a command without the variables of this project, with some of its own; return what it prints."""
    ours = ("LOADTASKS_", "APP_", "AIRFLOW", "PYTHONPATH")
    environ = {name: value for name, value in os.environ.items() if not name.startswith(ours)} | variables
    done = subprocess.run(command, cwd=cwd, env=environ, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_holds_loadtasks_alone_with_its_data(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    assert {name.split("/")[0] for name in names} == {"loadtasks", f"{wheel.name.rsplit('-', 3)[0]}.dist-info"}
    tracked = run("git", "ls-files", "loadtasks").splitlines()
    assert {name for name in tracked if (PROJECT / name).exists()} <= names
    assert "loadtasks/py.typed" in names


def test_has_the_version_of_the_package(wheel: Path) -> None:
    assert f"-{loadtasks.__version__}-" in wheel.name


def test_brings_neither_airflow_nor_packages_that_would_shadow_a_teams_own(installed: Path, tmp_path: Path) -> None:
    code = "from importlib.util import find_spec as f; print([n for n in {!r} if f(n)])".format(
        ("airflow", "app", "dags", "scripts", "tests", "benchmarks", "scenarios", "expectations", "psycopg")
    )
    assert run(str(installed / "python"), "-c", code, cwd=tmp_path).strip() == "[]"


def test_plan_reads_the_current_folder(installed: Path, project: Path) -> None:
    assert loadtasks.__version__ in run(str(installed / "loadtasks"), "--version", cwd=project)
    assert "orders.concurrent" in run(str(installed / "loadtasks"), "plan", cwd=project)


def test_run_ends_with_0_and_a_report(installed: Path, project: Path, api: ScriptedServer) -> None:
    run(str(installed / "loadtasks"), "run", "--target", api.url, cwd=project)
    latest = project / "var" / "reports" / "latest"
    assert "orders.concurrent" in (latest / "index.html").read_text()
    assert json.loads((latest / "results.json").read_text())["run"]["target_url"] == api.url
    assert any(b" /v2/orders " in request for request in api.requests)


def test_run_that_is_not_good_ends_with_the_code_of_the_docs(
    installed: Path, project: Path, api: ScriptedServer
) -> None:
    target = ("--target", api.url)
    shown = run(str(installed / "loadtasks"), "run", "--expectations", "strict", *target, cwd=project, code=1)
    assert "p95" in shown


def test_airflow_finds_pages_links_connection_type_and_dags_without_this_repository(wheel: Path, project: Path) -> None:
    (project / "orders.py").write_text(DAG_FILE)
    home = project.with_name("home")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(home / "installed")
    project.rename(home / "dags")
    of_airflow = {"AIRFLOW_HOME": str(home), "AIRFLOW__CORE__LOAD_EXAMPLES": "False"}
    printed = run(sys.executable, "-c", IN_AIRFLOW, cwd=home, PYTHONPATH=str(home / "installed"), **of_airflow)
    found = json.loads(next(line for line in printed.splitlines() if line.startswith('{"file"')))
    assert found["file"].startswith(str(home))
    assert {"PerformancePages", "PerformanceDags"} <= set(found["plugins"])
    assert found["broken"] == [{}, {}]
    assert found["provider"] == loadtasks.__version__
    assert found["form"] == ["Performance target", "service", "health_path", "metrics_path", "reference"]
    assert found["labels"] == ["Address", True]
    assert found["dags"] == {"orders": ["eu", "eu"], "performance_maintenance": [], "performance_triage": []}
    assert found["scenarios"] == ["orders.concurrent"]
    assert found["project"] == str(home / "dags")


def declared() -> dict[str, Requirement]:
    lines: list[str] = PROJECT_TABLE["dependencies"]
    return {requirement.name: requirement for requirement in map(Requirement, lines)}


@pytest.mark.slow
def test_every_import_is_a_dependency_and_the_other_way_round() -> None:
    imported = set()
    for path in (PROJECT / "loadtasks").rglob("*.py"):
        if path.is_relative_to(PROJECT / "loadtasks" / "airflow"):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    imported -= {*sys.stdlib_module_names, "loadtasks", "pydantic_core", "urllib3"}  # of pydantic and of requests
    distributions = packages_distributions()
    assert {distributions[name][0].lower().replace("_", "-") for name in imported} == set(declared())


def test_lock_is_within_the_ranges() -> None:
    locked = dict(re.findall(r"^([\w.-]+)==(\S+)", (PROJECT / "requirements.txt").read_text(), re.MULTILINE))
    extras = [Requirement(line) for lines in PROJECT_TABLE["optional-dependencies"].values() for line in lines]
    for requirement in [*declared().values(), *extras]:
        assert requirement.specifier.contains(locked[canonicalize_name(requirement.name)]), requirement


def test_the_entry_point_of_the_airflow_plugin_names_a_class() -> None:
    module, _, name = PROJECT_TABLE["entry-points"]["airflow.plugins"]["performance_dags"].partition(":")
    tree = ast.parse((PROJECT / f"{module.replace('.', '/')}.py").read_text())
    assert name in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
