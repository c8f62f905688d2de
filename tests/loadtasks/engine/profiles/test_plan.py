"""What a plan shows of a scenario, without sending anything."""

import math
from pathlib import Path

from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from loadtasks.cli.main import cli
from loadtasks.engine.profiles.pacer import pacer_of
from loadtasks.engine.profiles.plan import Plan, PlanStep, plans
from loadtasks.report.load_sentence import load_sentence
from loadtasks.scenarios.files import read_scenarios
from loadtasks.scenarios.load import OpenLoad, Stage, StagesLoad, WorkerStage, WorkerStagesLoad
from tests.workspaces import SHIPPED_SCENARIOS


def planned(load: object, **settings: object) -> Plan:
    shipped = read_scenarios(SHIPPED_SCENARIOS)["dashboard.concurrent"]
    (plan,) = plans(shipped.model_copy(update={"load": load, **settings}))
    return plan


def test_plans_say_what_the_shipped_scenarios_send() -> None:
    shipped = read_scenarios(SHIPPED_SCENARIOS)
    assert [plan.expected for plan in plans(shipped["mixed.concurrent"])] == [30] * 5
    (broadcast,) = plans(shipped["websocket.broadcast"])
    assert (broadcast.expected, broadcast.lasts_s) == (1000, 49 / 25)
    assert broadcast.due == (PlanStep(0, 2, 1, 25),)
    (sustained,) = plans(shipped["dashboard.sustained"])
    assert (sustained.expected, sustained.lasts_s, sustained.due) == (None, 10, ())


def test_a_plan_counts_what_is_due_in_each_second() -> None:
    plan = planned(StagesLoad(stages=(Stage(rate=10, duration_s=1), Stage(rate=10, duration_s=2))))
    assert plan.due == (PlanStep(0, 1, 1, 5), PlanStep(1, 3, 1, 10))
    assert load_sentence(plan.load) == "from 0 requests/s to 10/s in 1 s, 10/s in 2 s"
    assert plan.first_due_s[:2] == (0, math.sqrt(0.2))
    assert planned(OpenLoad(rate=0.5, duration_s=1)).first_due_s == (0,)


@given(rate=st.floats(0.5, 60), duration_s=st.floats(0.1, 300), arrivals=st.sampled_from(["constant", "poisson"]))
def test_a_plan_counts_every_request_once(rate: float, duration_s: float, arrivals: str) -> None:
    load = OpenLoad(rate=rate, duration_s=duration_s, arrivals=arrivals)
    plan, pacer = planned(load), pacer_of(load)
    assert plan.expected == pacer.count
    assert sum(step.number * (step.to_s - step.from_s) / step.every_s for step in plan.due) == pacer.count
    assert list(plan.first_due_s) == [pacer.due_s(n) for n in range(min(5, pacer.count))]
    assert len(plan.due) <= 60


def test_a_plan_of_a_long_load_is_cut_into_longer_pieces() -> None:
    assert planned(OpenLoad(rate=2.5, duration_s=3600)).due == (PlanStep(0, 3600, 10, 25),)
    assert planned(OpenLoad(rate=1000, duration_s=86400)).due == (PlanStep(0, 86400, 60, 60_000),)
    poisson = planned(OpenLoad(rate=2, duration_s=1000, arrivals="poisson")).due
    assert {step.every_s for step in poisson} == {60}


def test_a_plan_shows_the_workers_of_a_ramp() -> None:
    load = WorkerStagesLoad(
        stages=(
            WorkerStage(workers=4, duration_s=2),
            WorkerStage(workers=4, duration_s=3),
            WorkerStage(workers=0, duration_s=2),
        ),
        think_time_s=0.5,
    )
    plan = planned(load)
    assert plan.workers == (PlanStep(0, 1, 1, 2), PlanStep(1, 6, 1, 4), PlanStep(6, 7, 1, 2))
    assert (plan.expected, plan.lasts_s, plan.due) == (None, 7, ())
    assert load_sentence(plan.load) == "workers from 0 to 4 in 2 s, 4 in 3 s, 0 in 2 s, thinking 0.5 s"
    peak = tuple(WorkerStage(workers=workers, duration_s=0.5) for workers in (3, 0))
    assert planned(WorkerStagesLoad(stages=peak)).workers == (PlanStep(0, 1, 1, 3),)


def test_the_plan_command_shows_every_load_profile(tmp_path: Path) -> None:
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
    reported = CliRunner().invoke(cli, ["plan", "--scenarios", str(tmp_path)], catch_exceptions=False).output
    assert [line.rstrip() for line in reported.splitlines()] == [
        "thing.fed: 9 requests, 2 workers; 9 in all; fed by 2 rows of rows.csv, in order",
        "thing.ramp: workers from 0 to 2 in 2 s, thinking 1 s on average (exponential, seed 4); "
        "as many as the response times allow, over 2.00 s",
        "seconds  workers",
        "0 to 1   1",
        "1 to 2   2",
        "thing.open: 4 requests/s for 120 s; 480 in all, over 2 min 0 s",
        "first due after 0, 0.25, 0.5, 0.75, 1 s",
        "seconds   due a second",
        "0 to 120  4",
    ]
