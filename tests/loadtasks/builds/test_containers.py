"""Builds that are images, with a `docker` of this test's own: it notes how it is called."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from loadtasks.builds.build import Build, HowToStart
from loadtasks.builds.held_build import HeldBuild

DOCKER = """#!/bin/sh
echo "$@" >> {calls}
case "$1 $2" in
  "image inspect") case "$*" in *Exposed*) echo '{{"8000/tcp":{{}},"53/udp":{{}}}}';; *) [ -e {here} ];; esac ;;
  "pull "*) {pull} ;;
  "create "*) {create}; echo made-$$ >> {made}; echo made-$$ ;;
  "start "*) exec sleep 60 ;;
  "port "*) echo 127.0.0.1:40001 ;;
  "ps "*) cat {made} 2>/dev/null ;;
  "stop "*) true ;;
  "rm "*) rm -f {made} ;;
esac
"""


class Docker:
    """The command, and what it was asked."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.made = folder / "made"
        self.install()

    def install(self, *, is_here: bool = True, pull: str = "true", create: str = "true") -> None:
        names = {name: self.folder / name for name in ("calls", "here", "made")}
        (names["here"]).touch() if is_here else names["here"].unlink(missing_ok=True)
        command = self.folder / "docker"
        command.write_text(DOCKER.format(**names, pull=pull, create=create))
        command.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def wait_for(self, beginning: str) -> None:
        until_s = time.monotonic() + 10
        while not any(call.startswith(beginning) for call in self.calls) and time.monotonic() < until_s:
            time.sleep(0.02)


@pytest.fixture
def docker(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Docker:
    made = Docker(tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    return made


@pytest.fixture
def build(docker: Docker, tmp_path: Path) -> Iterator[HeldBuild]:
    how = HowToStart(tmp_path / "logs", cores=[1], container_options=["--network=shop"])
    held = HeldBuild(Build("candidate", image="shop:2", variables={"DATABASE": "db-secret"}), how)
    yield held
    held.end()


def until(held: HeldBuild, attribute: str) -> object:
    until_s = time.monotonic() + 10
    while getattr(held, attribute) is None and time.monotonic() < until_s:
        held.look()
        time.sleep(0.02)
    return getattr(held, attribute)


def test_a_container_is_made_started_published_and_removed(docker: Docker, build: HeldBuild) -> None:
    assert until(build, "url") == "http://127.0.0.1:40001"
    (create,) = [call for call in docker.calls if call.startswith("create")]
    assert "--publish 127.0.0.1::8000 --env=DATABASE --env=PORT=8000 --cpuset-cpus=1 --network=shop -- shop:2" in create
    assert "db-secret" not in create, "everybody may read a command line"
    build.end()
    assert not docker.made.exists()
    assert [call.split()[0] for call in docker.calls[-4:-2]] == ["stop", "rm"] or "rm" in docker.calls[-1]


def test_one_that_is_being_made_when_it_is_needed_no_more_is_removed(docker: Docker, build: HeldBuild) -> None:
    build.end()
    docker.install(create="sleep 0.4")
    (docker.folder / "calls").unlink(missing_ok=True)
    held = HeldBuild(build.build, HowToStart(docker.folder / "logs"))
    docker.wait_for("create")
    held.end()
    assert not docker.made.exists()
    assert any(call.startswith("rm ") for call in docker.calls)


def test_an_image_that_is_not_here_is_pulled_and_one_that_there_is_not_named(docker: Docker, build: HeldBuild) -> None:
    build.end()
    docker.install(is_here=False, pull="echo 'manifest unknown' >&2; exit 1")
    held = HeldBuild(build.build, HowToStart(docker.folder / "logs"))
    assert until(held, "failure") == "can't be started: manifest unknown"
    held.end()
    assert [call for call in docker.calls if call.startswith("pull")] == ["pull --quiet -- shop:2"]
