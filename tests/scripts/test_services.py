"""Processes that a command starts."""

import os
import sys
from pathlib import Path

import psutil
import pytest

from scripts.services import Services, shared_core


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="there is no choice of cores")
def test_builds_that_are_compared_share_one_core(tmp_path: Path) -> None:
    before = os.sched_getaffinity(0)
    with Services(tmp_path) as services:
        for name, core in (("reference", shared_core()), ("candidate", shared_core()), ("other", None)):
            services.start(name, [sys.executable, "-c", "input()"], core=core)
        cores = {name: psutil.Process(process.pid).cpu_affinity() for name, process in services.running.items()}
    assert cores == {"reference": [max(before)], "candidate": [max(before)], "other": sorted(before)}
    assert os.sched_getaffinity(0) == before
