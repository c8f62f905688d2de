"""A reference that runs on between two processes."""

import json
import os
import signal
import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from loadtasks.builds.keeper import KeeperOrder, end_keeper, keep_running
from loadtasks.errors import BadInputError
from tests.loadtasks.builds.serving import server_command


def order(folder: Path, command: str, **changes: float) -> KeeperOrder:
    values = {"timeout_s": 20.0, "max_s": 60.0} | changes
    return KeeperOrder(str(folder / "keeper"), command, str(folder), "/healthz", **values)


def listens(url: str) -> bool:
    parts = urlsplit(url)
    with socket.socket() as probe:
        return probe.connect_ex((parts.hostname, parts.port)) == 0


def until_gone(url: str) -> bool:
    until_s = time.monotonic() + 20
    while listens(url) and time.monotonic() < until_s:
        time.sleep(0.05)
    return not listens(url)


def test_it_runs_until_somebody_stops_it_and_a_second_start_takes_its_place(tmp_path: Path) -> None:
    started = order(tmp_path, server_command(tmp_path))
    first = keep_running(started)
    second = keep_running(started)
    assert listens(second)
    assert first == second or until_gone(first)
    assert end_keeper(Path(started.folder))
    assert not listens(second)
    assert not end_keeper(Path(started.folder))


def test_it_ends_when_its_time_is_over_or_its_keeper_is_killed(tmp_path: Path) -> None:
    short = order(tmp_path / "short", server_command(tmp_path), max_s=1.0)
    Path(short.working_folder).mkdir()
    assert until_gone(keep_running(short))
    killed = order(tmp_path, server_command(tmp_path))
    url = keep_running(killed)
    os.kill(json.loads((Path(killed.folder) / "state.json").read_bytes())["pid"], signal.SIGKILL)
    assert until_gone(url)


def test_one_that_does_not_start_is_one_sentence_with_the_end_of_its_log(tmp_path: Path) -> None:
    failing = order(tmp_path, "echo no database; exit 3")
    with pytest.raises(BadInputError, match=r"the reference ended with exit code 3 before it was healthy.*no database"):
        keep_running(failing)
    assert not end_keeper(Path(failing.folder))
