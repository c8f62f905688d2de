"""The scripts that containers and people run."""

import os
import re
import shutil
import stat
import subprocess
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import jwt
import pytest

PROJECT = Path(__file__).resolve().parents[2]


def make_env(project: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    command = [str(shutil.which("sh")), project / "deploy/make_env.sh"]
    return subprocess.run(command, env=os.environ | environ, capture_output=True, text=True, check=False)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "deploy", tmp_path / "deploy")
    return tmp_path


def test_make_env_fills_every_secret_with_another_value(copy: Path) -> None:
    assert make_env(copy).returncode == 0
    text = (copy / ".env").read_text()
    assert stat.S_IMODE((copy / ".env").stat().st_mode) == 0o600
    empty = re.findall(r"^([A-Z_]+)=$", (copy / "deploy/env.example").read_text(), flags=re.MULTILINE)
    values = [re.search(f"^{name}=([A-Za-z0-9_.=-]+)$", text, flags=re.MULTILINE) for name in empty]
    assert len({value[1] for value in values if value}) == len(empty)
    assert re.search("^AIRFLOW_FERNET_KEY=[A-Za-z0-9_-]{43}=$", text, flags=re.MULTILINE)
    assert re.search("^AIRFLOW_USER=admin$", text, flags=re.MULTILINE)


def test_make_env_signs_the_token_of_the_load_tests(copy: Path) -> None:
    assert make_env(copy).returncode == 0
    made = dict(re.findall(r"^([A-Z_]+)=(.+)$", (copy / ".env").read_text(), flags=re.MULTILINE))
    assert len(made["APP_SECRET_KEY"]) == 64
    claims = jwt.decode(made["LOADTASKS_TOKEN"], made["APP_SECRET_KEY"], ["HS256"])
    assert 0 <= time.time() - claims.pop("iat") < 60
    assert claims == {"sub": "load tests", "scope": "read write load-test"}


def test_make_env_without_openssl_makes_nothing(copy: Path) -> None:
    (copy / "bin").mkdir()
    for name in ("dirname", "sh"):
        (copy / "bin" / name).symlink_to(str(shutil.which(name)))
    done = make_env(copy, PATH=str(copy / "bin"))
    assert done.returncode == 2
    assert done.stderr.startswith("There is no openssl here, ")
    assert len(done.stderr.splitlines()) == 1
    assert not (copy / ".env").exists()


def test_make_env_leaves_an_existing_one_alone(copy: Path) -> None:
    (copy / ".env").write_text("POSTGRES_PASSWORD=mine\n")
    done = make_env(copy)
    assert done.returncode == 2
    assert "left alone" in done.stderr
    assert (copy / ".env").read_text() == "POSTGRES_PASSWORD=mine\n"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/healthz" else 503)
        self.end_headers()
        self.wfile.write(b'{"status":"ok"}')

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def port() -> Iterator[int]:
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


@pytest.mark.parametrize(
    ("arguments", "well"),
    [
        (["/healthz"], True),
        (["/healthz", '"status":"ok"'], True),
        (["/healthz", '"status":"ill"'], False),
        (["/other"], False),
    ],
)
def test_health_check(port: int, arguments: list[str], well: bool) -> None:
    done = subprocess.run(["bash", PROJECT / "deploy/http_ok.sh", str(port), *arguments], check=False)
    assert (done.returncode == 0) is well


def test_health_check_of_a_port_where_nobody_listens() -> None:
    done = subprocess.run(["bash", PROJECT / "deploy/http_ok.sh", "1", "/"], capture_output=True, check=False)
    assert done.returncode != 0
