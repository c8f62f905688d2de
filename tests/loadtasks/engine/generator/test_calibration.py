"""The generator calibrated for real, and the server that it is calibrated with."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import requests

from loadtasks.engine.generator import calibration, null_server
from loadtasks.engine.net.target import Target
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.scenarios.load import HttpLoad


def test_it_has_a_ceiling_and_a_jitter_and_leaves_no_process_behind() -> None:
    before, usable = _children(), os.sched_getaffinity(0)
    found = calibration.calibrate()
    assert found.ceiling_per_s > 100
    assert 0 < found.jitter_p99_s < 10
    assert _children() == before
    assert os.sched_getaffinity(0) == usable


def test_round_trips_are_made_on_one_cpu_after_the_other_and_all_of_them_are_usable_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    os.sched_setaffinity(0, range(1024))  # all that there are, if a test before this one was left on one
    usable, recorded = os.sched_getaffinity(0), calibration._record
    used: list[tuple[set[int], ...]] = []

    def record(load: HttpLoad, target: Target) -> Recorder:
        used.append(tuple(os.sched_getaffinity(process) for process in (0, *map(int, _children() - before))))
        return recorded(load, target)

    before = _children()
    monkeypatch.setattr(calibration, "_record", record)
    round_trip_s, connect_s = calibration.sample_null_server()
    assert round_trip_s is not None
    assert connect_s is not None
    assert used == [({cpu}, {cpu}) for cpu in sorted(usable)[:4]]
    assert os.sched_getaffinity(0) == usable


def refused(*_: object) -> None:
    raise PermissionError(1, "Operation not permitted")


def without_affinity(patch: pytest.MonkeyPatch) -> None:
    patch.delattr(os, "sched_getaffinity")
    patch.delattr(os, "sched_setaffinity")


@pytest.mark.parametrize(
    "restrict",
    [
        lambda patch: patch.setattr(os, "sched_setaffinity", refused),
        lambda patch: patch.setattr(os, "sched_getaffinity", refused),
        without_affinity,
    ],
    ids=["may not choose", "may not ask", "another system"],
)
def test_where_no_process_is_tied_to_a_cpu_there_is_no_round_trip_and_the_rest_is_measured(
    monkeypatch: pytest.MonkeyPatch, restrict: Callable[[pytest.MonkeyPatch], None]
) -> None:
    restrict(monkeypatch)
    found = calibration.calibrate()
    assert found.round_trip_s is None
    assert found.connect_s is not None
    assert found.ceiling_per_s > 100


def test_the_null_server_answers_alike_and_ends_with_its_input() -> None:
    process = subprocess.Popen(
        [sys.executable, null_server.__file__], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with process:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        responses = [requests.get(f"http://127.0.0.1:{port}/{path}", timeout=5) for path in ("a", "b")]
    assert process.returncode == 0
    assert [len(response.content) for response in responses] == [1024, 1024]


def _children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())
