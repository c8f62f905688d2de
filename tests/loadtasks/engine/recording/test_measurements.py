"""Measurements of recorded loads: their duration, and so their throughput, is that of the profile."""

from datetime import UTC, datetime

import pytest

from loadtasks.engine.recording.measurements import RecordedLoad, measurements
from loadtasks.engine.recording.recorder import Recorder
from loadtasks.measurement.model import Measurement
from loadtasks.redaction.redactor import Redactor
from loadtasks.scenarios.load import ClosedLoad, HttpLoad, OpenLoad, Stage, StagesLoad, WorkerStage, WorkerStagesLoad
from loadtasks.scenarios.model import HttpScenario, MixedScenario, Request, Scenario, parts_of
from tests.measurements import health

START = 100.0
AT = datetime(2026, 11, 24, 2, tzinfo=UTC)


def scenario(load: HttpLoad) -> HttpScenario:
    return HttpScenario(name="thing.x", endpoint="thing", requests=(Request(path="/thing"),), load=load)


def recorder(lasts_s: float | None, ends: list[float]) -> Recorder:
    """Requests that are completed so many seconds after the start."""
    made = Recorder()
    made.begin(START, lasts_s)
    for end in ends:
        made.scheduled += 1
        made.complete(START, START, START + end)
    return made


def measured(of: Scenario, recorders: dict[str, Recorder], *, paired: bool = False) -> list[Measurement]:
    return measurements(of, RecordedLoad.of(AT, recorders), health(), Redactor(), paired=paired)


@pytest.mark.parametrize(
    ("load", "duration_s"),
    [
        (ClosedLoad(workers=1, duration_s=4.0), 4.0),
        (ClosedLoad(workers=1, requests=6), None),
        (OpenLoad(rate=1.0, duration_s=4.0), 4.0),
        (StagesLoad(stages=(Stage(rate=1.0, duration_s=1.0), Stage(rate=2.0, duration_s=3.0))), 4.0),
        (WorkerStagesLoad(stages=(WorkerStage(workers=1, duration_s=4.0),)), 4.0),
    ],
)
def test_what_comes_after_the_duration_is_no_throughput(load: HttpLoad, duration_s: float | None) -> None:
    (found,) = measured(scenario(load), {"": recorder(duration_s, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])})
    assert found.duration_s == duration_s
    assert found.stragglers == (0 if duration_s is None else 2)
    assert found.throughput_per_s == pytest.approx(1.0)
    assert found.response.count == 6, "they count in the times"


def test_a_mixed_scenario_lasts_as_long_as_its_longest_part_and_counts_what_they_count() -> None:
    parts = {
        "short": scenario(OpenLoad(rate=1.0, duration_s=2.0)),
        "long": scenario(OpenLoad(rate=1.0, duration_s=5.0)),
    }
    mixed = MixedScenario(name="mixed.x", endpoint="mixed", parts=parts)
    recorders = {"short": recorder(2.0, [1.0, 3.0]), "long": recorder(5.0, [1.0, 3.0, 4.0, 6.0])}
    whole, short, long = measured(mixed, recorders)
    assert [found.duration_s for found in (whole, short, long)] == [5.0, 2.0, 5.0]
    assert [found.stragglers for found in (whole, short, long)] == [2, 1, 1]
    assert [found.throughput_per_s for found in (whole, short, long)] == [4 / 5, 1 / 2, 3 / 5]


def test_one_of_which_a_part_ends_with_its_requests_has_no_duration() -> None:
    parts = {"timed": scenario(OpenLoad(rate=1.0, duration_s=2.0)), "all": scenario(ClosedLoad(workers=1, requests=2))}
    mixed = MixedScenario(name="mixed.x", endpoint="mixed", parts=parts)
    whole, *_ = measured(mixed, {"timed": recorder(2.0, [1.0, 3.0]), "all": recorder(None, [3.0, 4.0])})
    assert (whole.duration_s, whole.stragglers, whole.throughput_per_s) == (None, 0, 1.0)
    assert list(parts_of(mixed)) == list(parts)


def test_paired_rounds_have_no_duration() -> None:
    of = scenario(ClosedLoad(workers=1, duration_s=4.0))
    recorded = RecordedLoad.of(AT, {"": recorder(0.5, [1.0])})
    recorded.append(RecordedLoad.of(AT, {"": recorder(0.5, [1.0])}))
    (found,) = measurements(of, recorded, health(), Redactor(), paired=True)
    assert (found.duration_s, found.stragglers, found.throughput_per_s) == (None, 0, 1.0)
