"""Approved baselines, and the history of a scenario, as they are kept."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from loadtasks.results.judgement import Verdict


class Baseline(BaseModel):
    """The baseline run of a scenario, who approved it, and the fingerprint of its measurement."""

    model_config = ConfigDict(frozen=True)

    service: str
    scenario: str
    run_id: str
    approved_by: str
    approved_at: datetime
    why: str
    scenario_hash: str
    target_version: str | None
    generator: str


class HistoryEntry(BaseModel):
    """The metrics of one scenario in one run."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    started_at: datetime
    """When the scenario was measured."""
    verdict: Verdict | None
    """None while the run has not been judged."""
    metrics: dict[str, float | None]
    """One value for each of `loadtasks.measurement.metrics.METRICS`."""
    scenario_hash: str
    load: dict[str, Any]
    target_version: str | None
    generator: str
