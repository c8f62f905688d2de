"""`make airflow` looks after what it started."""

import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from scripts import CannotStartError
from scripts.airflow_up import Watch, _connections
from scripts.services import Services
from scripts.shipped_api import ApiInstance
from scripts.token_file import TokenFile
from tests.servers import free_port

SLEEP = [sys.executable, "-c", "import time; time.sleep(60)"]


@pytest.fixture
def services(tmp_path: Path) -> Iterator[Services]:
    with Services(tmp_path / "logs") as started:
        for name in ("api", "airflow-scheduler"):
            started.start(name, SLEEP)
        yield started


def watch_of(services: Services, tmp_path: Path) -> Watch:
    instance = ApiInstance(database_url="sqlite:////srv/app.db", port=free_port())
    return Watch(services, instance, TokenFile(tmp_path / "token", lambda _: "token"))


def end(services: Services, name: str) -> None:
    services.running[name].kill()
    services.running[name].wait()


def test_an_api_that_dies_is_reported_once_and_airflow_goes_on(
    services: Services, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("APP_DATABASE_URL", raising=False)
    watch = watch_of(services, tmp_path)
    watch.look()
    assert capsys.readouterr().out == ""
    end(services, "api")
    for _ in range(3):
        watch.look()
    said = capsys.readouterr().out
    assert said.count("ended by itself, by SIGKILL") == 1
    assert "Airflow goes on" in said
    assert f"APP_DATABASE_URL=sqlite:////srv/app.db make api API_PORT={watch.api.port}" in said
    assert str(services.log_of("api")) in said
    monkeypatch.setattr("scripts.airflow_up.responds", lambda url: True)
    watch.look()
    watch.look()
    assert capsys.readouterr().out.count("The API responds again.") == 1
    assert services.ended() is None


def test_a_process_of_airflow_that_dies_ends_it(services: Services, tmp_path: Path) -> None:
    watch = watch_of(services, tmp_path)
    end(services, "airflow-scheduler")
    with pytest.raises(CannotStartError, match=r"airflow-scheduler ended by itself"):
        watch.look()


def test_how_to_make_each_connection_is_said_at_once() -> None:
    said = _connections("http://127.0.0.1:8080")
    for name in ("performance_target", "performance_reference", "smtp_default"):
        assert re.search(rf"Connection ID {name}, Connection Type \w+, Host ", said)
        assert f"scripts/airflow.sh connections add {name} --conn-type " in said
