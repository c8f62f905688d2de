"""The load tests in pytest's form: `pytest tests/performance`, or one class of it.

They exercise the API of LOADTASKS_TARGET, or start the shipped one, and hold it to the suites in expectations/. They
are timed by nature, so `make test` leaves them out.
"""

from collections.abc import Callable

import pytest

from loadtasks.measurement.model import Measurement

Measure = Callable[[str], list[Measurement]]
Judge = Callable[[list[Measurement]], None]


class TestDashboardEndpointLoad:
    @pytest.mark.parametrize("scenario", ["dashboard.concurrent", "dashboard.sustained"])
    def test_meets_its_targets(self, measure: Measure, judge: Judge, scenario: str) -> None:
        judge(measure(scenario))


class TestSessionsEndpointLoad:
    @pytest.mark.parametrize("scenario", ["sessions.concurrent", "sessions.filtered"])
    def test_meets_its_targets(self, measure: Measure, judge: Judge, scenario: str) -> None:
        judge(measure(scenario))


class TestConfigEndpointLoad:
    @pytest.mark.parametrize("scenario", ["config_get.concurrent", "config_put.sequential"])
    def test_meets_its_targets(self, measure: Measure, judge: Judge, scenario: str) -> None:
        judge(measure(scenario))

    def test_every_update_is_read_back_as_it_was_sent(self, measure: Measure) -> None:
        (measurement,) = measure("config_put.sequential")
        assert measurement.counts.completed == measurement.counts.scheduled == 20, measurement.errors


class TestWebSocketLoad:
    @pytest.mark.parametrize("scenario", ["websocket.connections", "websocket.broadcast"])
    def test_meets_its_targets(self, measure: Measure, judge: Judge, scenario: str) -> None:
        judge(measure(scenario))

    def test_every_client_gets_every_event(self, measure: Measure) -> None:
        (measurement,) = measure("websocket.broadcast")
        assert measurement.counts.completed == measurement.counts.scheduled == 20 * 50, measurement.errors


class TestRateLimits:
    @pytest.mark.parametrize("what", ["dashboard", "sessions", "config_get", "config_put"])
    def test_hold_exactly(self, measure: Measure, judge: Judge, what: str) -> None:
        judge(measure(f"rate_limits.{what}"))


class TestMixedLoad:
    def test_every_kind_meets_its_targets(self, measure: Measure, judge: Judge) -> None:
        whole, *parts = measure("mixed.concurrent")
        judge([whole, *parts])
        assert {part.part: part.counts.scheduled for part in parts} == dict.fromkeys(
            ("dashboard", "sessions", "config_get", "config_put", "websocket"), 30
        )
