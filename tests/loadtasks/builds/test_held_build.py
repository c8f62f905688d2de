"""A build in a supervisor process: what it starts ends with it, and with whoever started it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import psutil
import pytest

from loadtasks.builds import bounded_log, held_build
from loadtasks.builds.build import Build, HowToStart
from loadtasks.builds.held_build import HeldBuild
from tests.workspaces import PROJECT

SPREADING = "trap '' TERM; (setsid sleep 987 &); sleep 986 & echo up; sleep 985"
"""Ignores SIGTERM, and leaves one process in the background and one in a session of its own."""


class Marked:
    """The processes that carry a mark in their environment."""

    def __init__(self) -> None:
        self.value = uuid4().hex

    @property
    def running(self) -> list[int]:
        return [pid for pid, _ in self._running()]

    @property
    def names(self) -> list[str]:
        return [name for _, name in self._running()]

    def _running(self) -> Iterator[tuple[int, str]]:
        for process in psutil.process_iter():
            try:
                if process.environ().get("TEST_MARK") == self.value and process.status() != psutil.STATUS_ZOMBIE:
                    yield process.pid, process.name()
            except psutil.Error:
                continue


@pytest.fixture
def mark() -> Marked:
    return Marked()


@pytest.fixture(autouse=True)
def short_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(held_build, "GRACE_S", 0.3)


def eventually(happens: Callable[[], object], timeout_s: float = 20.0) -> bool:
    until_s = time.monotonic() + timeout_s
    while time.monotonic() < until_s:
        if happens():
            return True
        time.sleep(0.02)
    return False


@pytest.fixture
def hold(tmp_path: Path, mark: Marked) -> Iterator[Callable[..., HeldBuild]]:
    held = []

    def start(command: str, **changes: object) -> HeldBuild:
        build = Build("candidate", command, variables={"TEST_MARK": mark.value}, **changes)  # type: ignore[arg-type]
        held.append(HeldBuild(build, HowToStart(tmp_path)))
        return held[-1]

    yield start
    for build in held:
        build.end()


def ends(build: HeldBuild) -> bool:
    def failed() -> str | None:
        build.look()
        return build.failure

    return eventually(failed)


def test_everything_that_descends_from_a_build_ends_with_it(hold: Callable[..., HeldBuild], mark: Marked) -> None:
    build = hold(SPREADING)
    assert eventually(lambda: len(mark.running) >= 4)
    build.look()
    assert build.failure is None
    build.end()
    assert mark.running == []


def test_a_build_in_the_background_runs_on_after_its_command(hold: Callable[..., HeldBuild], mark: Marked) -> None:
    build = hold("(setsid sleep 984 &); exit 0")
    assert eventually(lambda: mark.names == ["sleep"])
    build.look()
    assert build.failure is None
    os.kill(mark.running[0], signal.SIGKILL)
    assert ends(build)
    assert build.failure == "ended with exit code 0"


@pytest.mark.parametrize(
    ("command", "failure", "tail"),
    [
        ("echo one; echo two >&2; exit 3", "ended with exit code 3", ["one", "two"]),
        ("kill -9 $$", "ended by SIGKILL", []),
        ("no-such-command-at-all", "ended with exit code 127", None),
    ],
)
def test_how_it_ended_is_known_with_the_end_of_its_log(
    hold: Callable[..., HeldBuild], command: str, failure: str, tail: list[str] | None
) -> None:
    build = hold(command)
    assert ends(build)
    assert build.failure == failure
    build.end()
    assert tail is None or build.tail() == tail
    assert build.log.stat().st_mode & 0o077 == 0, "a log may hold secrets"


def test_a_folder_that_is_gone_is_said(hold: Callable[..., HeldBuild], tmp_path: Path) -> None:
    build = hold("true", folder=tmp_path / "gone")
    assert ends(build)
    assert str(build.failure).startswith("can't be started: ")
    assert str(tmp_path / "gone") in str(build.failure)


def test_settings_of_the_load_tests_are_not_handed_to_builds(
    hold: Callable[..., HeldBuild], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADTASKS_TOKEN", "for-us-alone")
    build = hold("env; echo port {port}")
    assert ends(build)
    build.end()
    written = build.log.read_text()
    assert "for-us-alone" not in written
    assert f"PORT={build.port}\n" in written
    assert f"port {build.port}\n" in written


def test_a_flood_of_output_fills_no_disk(hold: Callable[..., HeldBuild], tmp_path: Path) -> None:
    build = hold("head -c 12000000 /dev/zero | tr '\\0' x; echo; echo the end")
    assert ends(build)
    build.end()
    assert build.tail()[-1] == "the end"
    sizes = [path.stat().st_size for path in tmp_path.glob("candidate.log*")]
    assert len(sizes) == 2
    assert max(sizes) <= bounded_log.MAX_BYTES


HOLDER = """
import sys, time
from pathlib import Path
from loadtasks.builds import held_build
from loadtasks.builds.build import Build, HowToStart
held_build.GRACE_S = 0.3
build = Build("candidate", sys.argv[1], variables={"TEST_MARK": sys.argv[2]})
held = held_build.HeldBuild(build, HowToStart(Path(sys.argv[3])))
print(flush=True)
time.sleep(60)
"""


@pytest.mark.parametrize("after_s", [0.0, 0.05, 0.4])
def test_nothing_outlives_whoever_started_it_and_was_killed(mark: Marked, tmp_path: Path, after_s: float) -> None:
    command = [sys.executable, "-c", HOLDER, SPREADING, mark.value, str(tmp_path)]
    with subprocess.Popen(command, cwd=PROJECT, stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        time.sleep(after_s)
        (supervisor,) = psutil.Process(holder.pid).children()
        holder.kill()
    assert eventually(lambda: not supervisor.is_running() and not mark.running)
