"""docker-compose.yml and what belongs to it make sense, as far as that can be seen without Docker."""

import ast
import json
import re
import sys
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

PROJECT = Path(__file__).resolve().parents[2]
TEXT = (PROJECT / "docker-compose.yml").read_text()
COMPOSE: dict[str, Any] = YAML(typ="safe").load(TEXT)
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
EXAMPLE = (PROJECT / "deploy" / "env.example").read_text()


def needs(service: str) -> dict[str, dict[str, str]]:
    return SERVICES[service].get("depends_on", {})


@pytest.mark.parametrize("service", SERVICES)
def test_what_a_service_waits_for_can_happen(service: str) -> None:
    for other, how in needs(service).items():
        if how["condition"] == "service_healthy":
            assert "healthcheck" in SERVICES[other], other
        else:
            assert how["condition"] == "service_completed_successfully"
            assert SERVICES[other]["restart"] == "no", f"{other} never completes"


def test_no_service_waits_for_itself() -> None:
    def reached(service: str, way: tuple[str, ...] = ()) -> None:
        assert service not in way, " waits for ".join((*way, service))
        for other in needs(service):
            reached(other, (*way, service))

    for service in SERVICES:
        reached(service)


@pytest.mark.parametrize("service", SERVICES)
def test_every_service_is_watched_restarted_limited_and_its_log_rotated(service: str) -> None:
    made = SERVICES[service]
    completes = made["restart"] == "no"
    assert completes or made["restart"] == "unless-stopped"
    assert completes or made["healthcheck"]["test"]
    assert made["mem_limit"]
    assert set(made["logging"]["options"]) == {"max-size", "max-file"}


@pytest.mark.parametrize("service", SERVICES)
def test_ports_are_published_on_this_machine_only(service: str) -> None:
    assert all(port.startswith("${BIND_ADDRESS:-127.0.0.1}:") for port in SERVICES[service].get("ports", ()))


@pytest.mark.parametrize("service", SERVICES)
def test_images_are_ours_or_have_a_version(service: str) -> None:
    image = SERVICES[service]["image"]
    assert "build" in SERVICES[service] or re.search(r":v?\d", image), image


def test_mounts_and_networks_exist() -> None:
    for made in SERVICES.values():
        assert set(made["networks"]) <= set(COMPOSE["networks"])
        for source in (mount.split(":")[0] for mount in made.get("volumes", ())):
            assert (PROJECT / source).exists() if source.startswith(".") else source in COMPOSE["volumes"], source


def test_every_variable_is_explained_and_no_secret_has_a_default() -> None:
    used = set(re.findall(r"\$\{([A-Z_]+)", TEXT))
    explained = set(re.findall(r"^#?([A-Z_]+)=", EXAMPLE, flags=re.MULTILINE))
    assert used == explained
    secrets = set(re.findall(r"^([A-Z_]+)=$", EXAMPLE, flags=re.MULTILINE))
    assert {name for name in used if re.search("PASSWORD|SECRET|TOKEN|KEY", name)} == secrets
    assert all(f"${{{name}:?" in TEXT and f"${{{name}:-" not in TEXT for name in secrets)


def pins(file: str) -> dict[str, str]:
    return dict(re.findall(r"^([\w.-]+)==(\S+)", (PROJECT / file).read_text(), flags=re.MULTILINE))


def test_production_runs_the_versions_that_were_tested() -> None:
    tested, production = pins("requirements.txt"), pins("requirements-production.txt")
    assert tested == {name: production.get(name) for name in tested}, "lock requirements-production.txt anew"


@pytest.mark.slow
def test_the_api_image_has_what_the_api_imports() -> None:
    imported = set()
    for path in (PROJECT / "app").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import):
                imported |= {alias.name.split(".")[0] for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                imported.add(node.module.split(".")[0])
    imported |= {"psycopg"}  # SQLAlchemy does, when the database's URL says so
    imported -= {*sys.stdlib_module_names, "app", "_typeshed", "werkzeug"}  # werkzeug comes with Flask
    asked = set(re.findall(r"^[\w-]+", (PROJECT / "deploy/requirements-api.in").read_text(), flags=re.MULTILINE))
    assert {packages_distributions()[name][0].lower().replace("_", "-") for name in imported} == asked
    assert asked <= set(pins("requirements.txt"))


def test_each_database_is_made_with_the_password_that_its_user_has() -> None:
    made = re.findall(r'^make_database (\w+) "\$(\w+)"$', (PROJECT / "deploy/postgres/databases.sh").read_text(), re.M)
    assert {name for name, _ in made} == {"api", "airflow", "results"}
    assert {variable for _, variable in made} <= set(SERVICES["postgres"]["environment"])
    used = set(re.findall(r"://(\w+):\$\{(\w+)\b[^}]*\}@postgres/(\w+)", TEXT))
    assert used == {(name, variable, name) for name, variable in made}


def test_the_api_and_celery_have_a_redis_database_each() -> None:
    api = SERVICES["api"]["environment"]["APP_REDIS_URL"]
    broker = SERVICES["airflow-worker"]["environment"]["AIRFLOW__CELERY__BROKER_URL"]
    assert {url.partition("@")[2] for url in (api, broker)} == {"redis:6379/1", "redis:6379/0"}


def test_the_database_is_prepared_once_before_any_instance_serves() -> None:
    modes = {name: SERVICES[name]["command"][-1] for name in ("api-init", "api")}
    assert modes == {"api-init": "init", "api": "serve"}
    assert needs("api")["api-init"] == {"condition": "service_completed_successfully"}
    assert SERVICES["api"]["environment"] == SERVICES["api-init"]["environment"]


def test_an_instance_has_the_time_that_it_takes_to_stop() -> None:
    graceful_s = int(re.findall(r"^graceful_timeout = (\d+)$", (PROJECT / "app/gunicorn_conf.py").read_text(), re.M)[0])
    assert int(SERVICES["api"]["stop_grace_period"].removesuffix("s")) >= graceful_s + 3


def test_nginx_knows_the_instances_by_name_as_they_come_and_go() -> None:
    text = (PROJECT / "deploy/nginx.conf").read_text()
    assert re.findall(r"^\s+server ([\w.:]+) resolve ", text, re.M) == ["api:8000", "api:8000"]
    version = re.fullmatch(r"nginx:(\d+)\.(\d+)", SERVICES["nginx"]["image"])
    assert version
    assert (int(version[1]), int(version[2])) >= (1, 28)  # 1.27.3 brought `resolve`


def test_a_worker_imports_the_pipeline_before_it_forks() -> None:
    settings = json.loads(SERVICES["airflow-worker"]["environment"]["AIRFLOW__CELERY__EXTRA_CELERY_CONFIG"])
    (module,) = settings["imports"]
    assert (PROJECT / module.replace(".", "/")).with_suffix(".py").is_file()
