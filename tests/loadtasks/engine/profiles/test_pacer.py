"""Due times against their closed forms, for any profile that hypothesis thinks of."""

import math
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.cli.main import cli
from loadtasks.engine.profiles.pacer import ConstantPacer, Pacer, PoissonPacer, RampPacer, pacer_of
from loadtasks.engine.profiles.plan import Plan, Step, plans
from loadtasks.report.load_sentence import load_sentence
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.load import OpenLoad, Stage, StagesLoad, WorkerStage, WorkerStagesLoad
from tests.workspaces import SHIPPED_SCENARIOS

RATES = st.floats(0, 500)
STAGES = st.lists(st.tuples(RATES, st.floats(0.1, 20)), min_size=1, max_size=5)


def times(pacer: Pacer) -> np.ndarray:
    due = np.array([pacer.due_s(n) for n in range(pacer.count)], dtype=float)
    assert pacer.due_s(pacer.count) is None
    return due


def area(start: float, stages: list[tuple[float, float]], at_s: float) -> float:
    """The area under the rate line up to a time, by the trapezoid rule, which is exact for straight lines."""
    total, before = 0.0, start
    for rate, seconds in stages:
        within = min(seconds, at_s)
        if within <= 0:
            break
        end = before + (rate - before) * within / seconds
        total += (before + end) / 2 * within
        before, at_s = rate, at_s - seconds
    return total


@given(start=RATES, stages=STAGES)
def test_a_ramp_emits_exactly_the_area_under_its_rate_line(start: float, stages: list[tuple[float, float]]) -> None:
    pacer = RampPacer(start, stages)
    due = times(pacer)
    whole = area(start, stages, sum(seconds for _, seconds in stages))
    assert pacer.count in (math.ceil(whole), math.ceil(whole - 1e-6))
    assert np.all(np.diff(due) >= -1e-9)
    for n in {0, pacer.count // 2, pacer.count - 1} & set(range(pacer.count)):
        assert area(start, stages, due[n]) == pytest.approx(n, rel=1e-6, abs=1e-4)


def exact_area(start: float, stages: list[tuple[float, float]], at_s: float) -> Fraction:
    """The area under the rate line up to a time, of just these binary fractions, without a rounding."""
    total, before, left = Fraction(0), Fraction(start), Fraction(at_s)
    for rate, seconds in stages:
        within = min(Fraction(seconds), left)
        end = before + (Fraction(rate) - before) * within / Fraction(seconds)
        total += (before + end) / 2 * within
        before, left = Fraction(rate), left - within
    return total


# Rates of 0 often, so that stages rise from nothing, fall to nothing and pause.
@given(
    start=st.one_of(st.just(0.0), st.floats(0, 100)),
    stages=st.lists(st.tuples(st.one_of(st.just(0.0), st.floats(0, 100)), st.floats(0.01, 5)), min_size=1, max_size=5),
)
def test_each_request_of_a_ramp_is_due_where_the_area_is_its_number(
    start: float, stages: list[tuple[float, float]]
) -> None:
    pacer = RampPacer(start, stages)
    due = times(pacer)
    whole = exact_area(start, stages, sum(seconds for _, seconds in stages))
    assert pacer.count - 1 < whole + Fraction(1, 10**8)
    assert whole - Fraction(1, 10**8) <= pacer.count
    assert np.all(np.diff(due) >= 0)
    for n, due_s in enumerate(due):
        assert abs(exact_area(start, stages, due_s) - n) <= Fraction(1, 10**6)


@given(rate=st.floats(0.5, 500), duration_s=st.floats(0.1, 20))
def test_a_flat_ramp_is_the_constant_profile(rate: float, duration_s: float) -> None:
    constant = pacer_of(OpenLoad(rate=rate, duration_s=duration_s))
    flat = pacer_of(StagesLoad(start_rate=rate, stages=(Stage(rate=rate, duration_s=duration_s),)))
    assert constant.count == flat.count
    assert times(flat) == pytest.approx(times(constant), abs=1e-6)


def test_a_constant_profile_is_evenly_spaced() -> None:
    assert times(ConstantPacer(4, 6)).tolist() == [0, 0.25, 0.5, 0.75, 1.0, 1.25]
    assert pacer_of(OpenLoad(rate=0.1, duration_s=30)).count == 3


@given(seed=st.integers(0, 2**32), rate=st.floats(1, 200))
def test_poisson_arrivals_are_the_same_for_the_same_seed_and_fit_the_duration(seed: int, rate: float) -> None:
    due = times(PoissonPacer(rate, 5.0, seed))
    assert due.tolist() == times(PoissonPacer(rate, 5.0, seed)).tolist()
    assert np.all(np.diff(due) >= 0)
    assert not due.size or (due[0] > 0 and due[-1] < 5.0)


def test_poisson_arrivals_have_the_rate_and_the_spread_of_a_poisson_process() -> None:
    counts = np.array([PoissonPacer(50, 10.0, seed).count for seed in range(300)])
    assert counts.mean() == pytest.approx(500, rel=0.01)
    assert counts.var() == pytest.approx(500, rel=0.25)


def planned(load: object, **settings: object) -> Plan:
    shipped = read_scenarios(SHIPPED_SCENARIOS)["dashboard.concurrent"]
    (plan,) = plans(shipped.model_copy(update={"load": load, **settings}))
    return plan


def test_plans_say_what_the_shipped_scenarios_send() -> None:
    shipped = read_scenarios(SHIPPED_SCENARIOS)
    assert [plan.expected for plan in plans(shipped["mixed.concurrent"])] == [30] * 5
    (broadcast,) = plans(shipped["websocket.broadcast"])
    assert (broadcast.expected, broadcast.lasts_s) == (1000, 49 / 25)
    assert broadcast.due == (Step(0, 2, 1, 25),)
    (sustained,) = plans(shipped["dashboard.sustained"])
    assert (sustained.expected, sustained.lasts_s, sustained.due) == (None, 10, ())


def test_a_plan_counts_what_is_due_in_each_second() -> None:
    plan = planned(StagesLoad(stages=(Stage(rate=10, duration_s=1), Stage(rate=10, duration_s=2))))
    assert plan.due == (Step(0, 1, 1, 5), Step(1, 3, 1, 10))
    assert load_sentence(plan.load) == "from 0 requests/s to 10/s in 1 s, 10/s in 2 s"
    assert plan.first_due_s[:2] == (0, math.sqrt(0.2))
    assert planned(OpenLoad(rate=0.5, duration_s=1)).first_due_s == (0,)


@given(rate=st.floats(0.5, 60), duration_s=st.floats(0.1, 300), arrivals=st.sampled_from(["constant", "poisson"]))
def test_a_plan_counts_every_request_once(rate: float, duration_s: float, arrivals: str) -> None:
    load = OpenLoad(rate=rate, duration_s=duration_s, arrivals=arrivals)
    plan, pacer = planned(load), pacer_of(load)
    assert plan.expected == pacer.count
    assert sum(step.number * (step.to_s - step.from_s) / step.every_s for step in plan.due) == pacer.count
    assert list(plan.first_due_s) == times(pacer)[:5].tolist()
    assert len(plan.due) <= 60


def test_a_plan_of_a_long_load_is_cut_into_longer_pieces() -> None:
    assert planned(OpenLoad(rate=2.5, duration_s=3600)).due == (Step(0, 3600, 10, 25),)
    assert planned(OpenLoad(rate=1000, duration_s=86400)).due == (Step(0, 86400, 60, 60_000),)
    poisson = planned(OpenLoad(rate=2, duration_s=1000, arrivals="poisson")).due
    assert {step.every_s for step in poisson} == {60}


def test_a_plan_tells_the_workers_of_a_ramp() -> None:
    load = WorkerStagesLoad(
        stages=(
            WorkerStage(workers=4, duration_s=2),
            WorkerStage(workers=4, duration_s=3),
            WorkerStage(workers=0, duration_s=2),
        ),
        think_time_s=0.5,
    )
    plan = planned(load)
    assert plan.workers == (Step(0, 1, 1, 2), Step(1, 6, 1, 4), Step(6, 7, 1, 2))
    assert (plan.expected, plan.lasts_s, plan.due) == (None, 7, ())
    assert load_sentence(plan.load) == "workers from 0 to 4 in 2 s, 4 in 3 s, 0 in 2 s, thinking 0.5 s"
    peak = tuple(WorkerStage(workers=workers, duration_s=0.5) for workers in (3, 0))
    assert planned(WorkerStagesLoad(stages=peak)).workers == (Step(0, 1, 1, 3),)


def test_the_plan_command_tells_every_kind_of_load(tmp_path: Path) -> None:
    (tmp_path / "rows.csv").write_text("id\n1\n2\n")
    (tmp_path / "thing.yaml").write_text(
        """
endpoint: thing
request: {path: /}
scenarios:
  fed: {load: {workers: 2, requests: 9}, request: {path: "/{{id}}"}, feeder: {file: rows.csv}}
  ramp: {load: {stages: [{workers: 2, duration_s: 2}], think_time_s: {mean: 1, seed: 4}}}
  open: {load: {rate: 4, duration_s: 120}}
"""
    )
    told = CliRunner().invoke(cli, ["plan", "--scenarios", str(tmp_path)], catch_exceptions=False).output
    assert [line.rstrip() for line in told.splitlines()] == [
        "thing.fed: 9 requests, 2 workers; 9 in all; fed by 2 rows of rows.csv, in order",
        "thing.ramp: workers from 0 to 2 in 2 s, thinking 1 s on average (exponential, seed 4); "
        "as many as the answers allow, over 2.00 s",
        "seconds  workers",
        "0 to 1   1",
        "1 to 2   2",
        "thing.open: 4 requests/s for 120 s; 480 in all, over 2 min 0 s",
        "first due after 0, 0.25, 0.5, 0.75, 1 s",
        "seconds   due a second",
        "0 to 120  4",
    ]
