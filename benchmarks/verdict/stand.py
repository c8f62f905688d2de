"""Two of the shipped API side by side, one of them slowed on purpose, and what is true of them.

They run on one core and by turns (as `make nightly-paired` has them), the load generator on the other.
"""

import math
import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_paired import run_paired
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario
from scripts import PROJECT
from scripts.approved_build import fresh_database
from scripts.services import Services, free_port, shared_core
from scripts.shipped_api import ShippedApi

VAR = PROJECT / "var" / "benchmarks"
SLOWED, UNTOUCHED = "sessions.concurrent", "config_get.concurrent"
"""The scenario of the endpoint that is slowed, and of one that never is."""
_APART = {"APP_REDIS_URL": "", "APP_REPLICA_URL": ""}
_CONFIDENCE_Z = 2.58


@dataclass(frozen=True)
class Truth:
    """A ratio of candidate and reference that is known, and between what (99 %)."""

    ratio: float
    low: float
    high: float

    def turned(self) -> "Truth":
        """Of the reference and the candidate, each in the other's place."""
        return Truth(1 / self.ratio, 1 / self.high, 1 / self.low)


@dataclass(frozen=True)
class Known:
    """What is true of two builds."""

    p50_s: float
    """Of the reference."""
    ratios: Mapping[str, Truth]
    """By metric."""


@dataclass(frozen=True)
class Stand:
    """Both builds, up and answering."""

    candidate: Target
    reference: Target

    def turned(self) -> "Stand":
        """Each in the other's place."""
        return Stand(self.reference, self.candidate)

    def known(self, seconds: float, seed: str) -> Known:
        """What is true of the slowed endpoint, from rounds of so many seconds, with no neighbour.

        Each ratio is the median of the rounds with its binomial interval: not the estimate that the verdict makes.
        """
        until_s = time.perf_counter() + seconds
        done = run_paired(
            scenario(SLOWED),
            self.candidate,
            self.reference,
            lambda _: 2 if time.perf_counter() < until_s else 0,
            seed=seed,
        )
        if done.lost:
            raise SystemExit(done.lost)
        ratios = {name: _median(np.array(done.pairs[0].usable(name))) for name in ("p50_s", "p95_s")}
        return Known(done.reference[0].p50_s or math.nan, ratios)


@contextmanager
def standing(reference_faults: str, candidate_faults: str) -> Iterator[Stand]:
    """Start both, with these faults."""
    core = shared_core()
    with TemporaryDirectory(prefix="verdict-live-") as folder, Services(Path(folder) / "logs") as services:
        sides = [
            ShippedApi.start(
                services,
                fresh_database(Path(folder), name),
                free_port(),
                name=name,
                core=core,
                settings={"APP_FAULTS": spoilt, **_APART},
            )
            for name, spoilt in (("reference", reference_faults), ("candidate", candidate_faults))
        ]
        reference, candidate = (Target(side.url, side.token) for side in sides)
        yield Stand(candidate, reference)


def scenario(name: str, shipped_load: bool = False) -> HttpScenario:
    """A shipped scenario, driven by one worker or as it is shipped."""
    (chosen,) = select(read_scenarios(PROJECT / "scenarios"), [name])
    assert isinstance(chosen, HttpScenario)
    return chosen if shipped_load else chosen.model_copy(update={"load": ClosedLoad(workers=1, requests=100)})


def generator_core() -> int:
    """The core that the builds are not on; this process is kept on it."""
    others = os.sched_getaffinity(0) - {shared_core()}
    os.sched_setaffinity(0, others)
    return min(others)


def _median(log_ratios: np.ndarray) -> Truth:
    ordered = np.sort(log_ratios)
    number = len(ordered)
    aside = _CONFIDENCE_Z * math.sqrt(number) / 2
    low, high = max(0, math.floor(number / 2 - aside)), min(number - 1, math.ceil(number / 2 + aside))
    return Truth(*(float(np.exp(each)) for each in (np.median(ordered), ordered[low], ordered[high])))
