"""Phases as they are counted, whatever a target puts into its Server-Timing header."""

from collections import Counter

import numpy as np
import pytest

from loadtasks.engine.recording.phases import MAX_OUTCOMES, MAX_PHASES, Phases
from loadtasks.redaction.redactor import Redactor
from tests.loadtasks.engine.recording.servers_for_phases import run_with_headers


def added(*names: str, outcome: str = "") -> Phases:
    phases = Phases()
    for name in names:
        phases.add(name, 0.5, outcome)
    return phases


def test_a_target_that_names_a_phase_for_each_request_makes_nothing_grow() -> None:
    phases = added(*(f"server:{number}" for number in range(1000)))
    phases.add_all("first_byte", np.array([0.1, 0.2]))
    phases.add("server:3", 1.0)
    measured = phases.measured(Redactor())
    assert len(measured) == MAX_PHASES + 2
    assert measured["server:other"].count == 1000 - MAX_PHASES
    assert measured["server:3"].count == 2
    assert measured["first_byte"].total_s == pytest.approx(0.3)


def test_outcomes_are_counted_and_bounded() -> None:
    phases = Phases()
    for number in range(100):
        phases.add("server:cache", 0.1, f"id-{number}")
    phases.add("server:cache", 0.1, "id-2")
    phases.add("server:cache", 0.1)
    outcomes = phases.measured(Redactor())["server:cache"].outcomes
    assert len(outcomes) == MAX_OUTCOMES + 1
    assert outcomes["id-2"] == 2
    assert sum(outcomes.values()) == 101
    assert phases.measured(Redactor())["server:cache"].count == 102


def test_merged_phases_add_up_within_the_same_bounds() -> None:
    hit, miss = added("server:cache", "body", outcome="hit"), added("server:cache", "server:db", outcome="miss")
    hit.merge(miss)
    assert hit.measured(Redactor())["server:cache"].outcomes == {"hit": 1, "miss": 1}
    assert hit.measured(Redactor())["server:cache"].hit_ratio == 0.5
    assert miss.measured(Redactor())["server:cache"].count == 1
    many = added(*(f"server:a{number}" for number in range(60)))
    many.merge(added(*(f"server:b{number}" for number in range(60))))
    measured = many.measured(Redactor())
    assert len(measured) == MAX_PHASES + 1
    assert sum(measurement.count for measurement in measured.values()) == 120
    only = Phases()
    only.merge(added("server:db", "body"), only="server:")
    assert only.measured(Redactor()).keys() == {"server:db"}


@pytest.mark.parametrize("processes", [1, 2])
def test_how_a_targets_cache_did_is_measured_over_processes(processes: int) -> None:
    headers = ["cache;desc=hit;dur=1", "cache;desc=hit;dur=1", "cache;desc=miss;dur=1, db;dur=20"]
    measurement = run_with_headers(headers, requests=30, processes=processes)
    cache = measurement.phases["server:cache"]
    assert cache.outcomes == Counter(hit=20, miss=10)
    assert measurement.phases["server:db"].count == 10
    assert measurement.phases["server:db"].outcomes == {}
    assert measurement.body_bytes == 30 * len("{}")
    steps_s = sum(measurement.phases[name].total_s for name in ("waiting", "first_byte", "body"))
    assert steps_s == pytest.approx(sum(measurement.response.mean_s or 0.0 for _ in range(30)), rel=0.01)
