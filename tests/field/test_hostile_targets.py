"""Targets that are hostile in every way: the engine gives a right account of each, in bounded time and memory.

Every case is run through the engine, in one process of its own. A few of the worst ones are scenarios of a whole run,
among nine that are healthy. `python -m tests.field.hostile` makes a whole run of each, and prints a table.
"""

from collections.abc import Iterator

import pytest

from loadtasks.results.judgement import Verdict
from tests.field.hostile.case import SCHEDULED, Case, Kind
from tests.field.hostile.catalogue import CASES
from tests.field.hostile.engine_process import EngineProcess
from tests.field.hostile.measured_run import MAX_PEAK_MB, MeasuredRun, check_account, run_product
from tests.field.hostile.server import hostile_target

MAX_ENGINE_MB = 200
PROBE_DEADLINE_S = 0.2
WORKERS = 10
_WAITED_FOR = frozenset({"timeout", "connect_timeout", "missed"})
_TIMED_OUT = frozenset(
    ("silence", "drip_in_head", "drip_in_body", "interim_dripping", "ws_drip", "tls_silent", "events_never")
)
"""Of the cases that have to end by a timeout, those that are tried here: each costs a second."""
_BROKE_SOMETHING = frozenset(
    {
        "gzip_of_many_members",
        "status_000",
        "server_timing_almost_infinite",
        "rst_on_accept",
        "interim_endless",
        "trailers_endless",
        "frames_pings_endless",
        "frames_fragments_endless",
        "frames_fragments_of_nothing_endless",
    }
)
WORST = ("gzip_bomb_checked", "nested_arrays", "trailers_endless")
HEALTHY = [f"healthy_{number}" for number in range(1, 10)]


def is_quick(case: Case) -> bool:
    """Whether a case is over in a few tenths of a second; the tool tries all."""
    if case.name in _TIMED_OUT:
        return True
    held = case.kind is Kind.CONNECTIONS and not case.expected
    return not (case.costly or held or case.expected & _WAITED_FOR or case.family in ("sizes", "tls", "broadcasts"))


@pytest.fixture(scope="module")
def engine() -> Iterator[EngineProcess]:
    with EngineProcess(PROBE_DEADLINE_S) as process:
        yield process


def chosen() -> list[Case]:
    """Every sixth one of the quick cases, and those that were found to break something before; the tool tries all."""
    quick = sorted(filter(is_quick, CASES.values()), key=lambda case: case.name)
    return [case for number, case in enumerate(quick) if number % 6 == 0 or case.name in _BROKE_SOMETHING]


@pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in chosen()])
def test_a_hostile_target_is_accounted_for_in_bounded_time_and_memory(engine: EngineProcess, case: Case) -> None:
    found = engine.run(case, workers=WORKERS)
    assert "exception" not in found, found["exception"]
    assert found["peak_mb"] < MAX_ENGINE_MB
    if not case.measured:
        assert found["not_measured"]
        return
    measurement = found["measurement"]
    assert case.problems(measurement["counts"], [error["code"] for error in measurement["errors"]]) == []


@pytest.fixture(scope="module")
def run_of_twelve(tmp_path_factory: pytest.TempPathFactory) -> MeasuredRun:
    """A whole run of three hostile scenarios and nine healthy ones, in turn."""
    hostile = {name: CASES[name] for name in WORST}
    healthy = {
        name: {"load": {"workers": 2, "requests": SCHEDULED}, "request": {"path": f"/{name}"}} for name in HEALTHY
    }
    order = [scenario for number in range(3) for scenario in (WORST[number], *HEALTHY[3 * number : 3 * number + 3])]
    scenarios = {name: healthy.get(name) or hostile[name].scenario_of() for name in order}
    folder = tmp_path_factory.mktemp("hostile")
    with hostile_target(hostile) as url:
        return run_product(folder, url, scenarios, {"MPLBACKEND": "no_such_backend"})


def test_healthy_scenarios_are_measured_next_to_hostile_ones_as_if_alone(run_of_twelve: MeasuredRun) -> None:
    assert run_of_twelve.document is not None, run_of_twelve.output
    results = {result.scenario.partition(".")[2]: result for result in run_of_twelve.document.scenarios}
    for name in HEALTHY:
        (measurement,) = results[name].measurements
        assert results[name].verdict is Verdict.PASS, run_of_twelve.output
        assert measurement.counts.completed == measurement.counts.scheduled == SCHEDULED
        assert measurement.errors == []


@pytest.mark.parametrize("name", WORST)
def test_a_whole_run_gives_a_right_account_of_a_hostile_scenario(run_of_twelve: MeasuredRun, name: str) -> None:
    assert run_of_twelve.document is not None, run_of_twelve.output
    _, problems = check_account(CASES[name], run_of_twelve.document)
    assert problems == []


def test_a_whole_run_with_hostile_scenarios_ends_as_documented(run_of_twelve: MeasuredRun) -> None:
    assert run_of_twelve.exit_code == 1, run_of_twelve.output
    assert "Traceback" not in run_of_twelve.output
    assert run_of_twelve.peak_mb < MAX_PEAK_MB
