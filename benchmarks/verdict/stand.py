"""Two builds of the shipped API, one of them slowed on purpose, and the true ratio of their metrics.

Both run on one core (as in `make nightly-paired`), the load generator on another.
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

from loadtasks.builds.build import Build, BuildName, HowToStart
from loadtasks.builds.cores import SHARED, chosen_cores
from loadtasks.builds.startup import started_builds
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_paired import RoundPlan, TargetPair, run_paired
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.files import read_scenarios, select
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario
from scripts import PROJECT
from scripts.approved_build import Source, fresh_database
from scripts.paired_builds import build_of
from scripts.shipped_api import HEALTH_PATH, ApiInstance

VAR = PROJECT / "var" / "benchmarks"
SLOWED, UNTOUCHED = "sessions.concurrent", "config_get.concurrent"
"""The scenario of the endpoint that is slowed, and of one that never is."""
_DAY_S = 86_400.0
_CONFIDENCE_Z = 2.58


@dataclass(frozen=True)
class Truth:
    """A known ratio of candidate and reference, with its 99 % interval."""

    ratio: float
    low: float
    high: float

    def swapped(self) -> "Truth":
        """The ratio of reference and candidate."""
        return Truth(1 / self.ratio, 1 / self.high, 1 / self.low)


@dataclass(frozen=True)
class MeasuredTruth:
    """What is true of two builds."""

    p50_s: float
    """The reference's median response time."""
    ratios: Mapping[str, Truth]
    """The true ratio of each metric, by its name."""


@dataclass(frozen=True)
class Builds:
    """Both builds, up and responding."""

    candidate: Target
    reference: Target

    def swapped(self) -> "Builds":
        """The reference as the candidate, and the candidate as the reference."""
        return Builds(self.reference, self.candidate)

    def measure_truth(self, seconds: float, seed: str) -> MeasuredTruth:
        """What is true of the slowed endpoint, from rounds that are driven for some seconds.

        Each ratio is the median of the rounds with its binomial interval: not the estimate that the verdict makes.
        """
        until_s = time.perf_counter() + seconds
        plan = RoundPlan(lambda _: 2 if time.perf_counter() < until_s else 0, seed)
        done = run_paired(scenario(SLOWED), TargetPair(self.candidate, self.reference), plan)
        if done.lost:
            raise SystemExit(done.lost)
        ratios = {name: _median(np.array(done.round_ratios[0].usable(name))) for name in ("p50_s", "p95_s")}
        return MeasuredTruth(done.reference[0].p50_s or math.nan, ratios)


@contextmanager
def start_builds(reference_faults: str, candidate_faults: str) -> Iterator[Builds]:
    """Start both builds with these faults; they stop at the end of the context."""
    with TemporaryDirectory(prefix="verdict-live-") as folder:
        faults = {"candidate": candidate_faults, "reference": reference_faults}
        apis = {
            name: build_of(name, Source(PROJECT, ""), fresh_database(Path(folder), name), {"APP_FAULTS": of_build})
            for name, of_build in faults.items()
        }
        tokens = {name: api.sign_token(_DAY_S) for name, api in apis.items()}
        pair = (_build("candidate", apis), _build("reference", apis))
        how = HowToStart(Path(folder) / "logs", cores=chosen_cores(SHARED))

        def target_at(name: BuildName, url: str) -> Target:
            return Target(url, tokens[name], health_path=HEALTH_PATH)

        with started_builds(pair, how, target_at, Redactor(tokens.values())) as started:
            yield Builds(started.candidate, started.reference)


def _build(name: BuildName, apis: Mapping[str, ApiInstance]) -> Build:
    return Build(name, apis[name].shell_command, folder=PROJECT, variables=apis[name].environment)


def scenario(name: str, shipped_load: bool = False) -> HttpScenario:
    """A shipped scenario, driven by one worker or with its shipped load."""
    (chosen,) = select(read_scenarios(PROJECT / "scenarios"), [name])
    assert isinstance(chosen, HttpScenario)
    return chosen if shipped_load else chosen.model_copy(update={"load": ClosedLoad(workers=1, requests=100)})


def generator_core() -> int:
    """The core that the builds are not on; this process is kept on it."""
    others = os.sched_getaffinity(0) - set(chosen_cores(SHARED))
    os.sched_setaffinity(0, others)
    return min(others)


def _median(log_ratios: np.ndarray) -> Truth:
    ordered = np.sort(log_ratios)
    number = len(ordered)
    half = _CONFIDENCE_Z * math.sqrt(number) / 2
    low, high = max(0, math.floor(number / 2 - half)), min(number - 1, math.ceil(number / 2 + half))
    return Truth(*(float(np.exp(value)) for value in (np.median(ordered), ordered[low], ordered[high])))
