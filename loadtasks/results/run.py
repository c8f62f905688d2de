"""A run: one execution of the pipeline, with all of its scenarios."""

import re
import secrets
from datetime import UTC, datetime
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from loadtasks.measurement.control import RunControls
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import MEASUREMENT_VERSION
from loadtasks.service_name import service_at


class Run(BaseModel):
    """What was set out to be measured, where, when and by whom."""

    model_config = ConfigDict(frozen=True)

    id: str
    sequence: int = 0
    """Its place, from 1, in the order in which the runs of its results database were opened; 0 before that. Clocks can
    be wrong."""
    started_at: datetime
    ended_at: datetime | None = None
    trigger: str
    """`scheduled`, `manual` (Airflow) or `command line`."""
    dag_id: str | None = None
    """The DAG of Airflow that made it: whoever may read that may read the run. None where the command line made it, and
    of runs before version 11 of results.json."""
    dag_run_id: str | None = None
    """Airflow's own id of the DAG run; None as for `dag_id`."""
    target_url: str
    service: str = Field(default_factory=lambda run: service_at(run["target_url"]))
    """Whose API the target is; runs are compared within a service only. Part of the fingerprint."""
    target_version: str | None = None
    """What the target says of its version; None where it doesn't."""
    reference_url: str | None = None
    """The approved build that a paired run compares with; None in other runs."""
    reference_version: str | None = None
    """What the reference says of its version; None where it doesn't."""
    load_factor: float = 1.0
    scenarios: list[str]
    """The scenarios planned, in order; one without a measurement at the end is invalid."""
    generator: str
    """The host, or the class of hosts, that makes the load; part of the fingerprint."""
    processes: int = 1
    """Over how many processes of the generator the load is shared; part of the fingerprint."""
    measurement_version: int = MEASUREMENT_VERSION
    """How its values were measured (`loadtasks.measurement.model.MEASUREMENT_VERSION`); part of the fingerprint."""
    calibrations: dict[str, Calibration] = {}
    """The capacity of the load generator on each host that measured, by host."""
    controls: RunControls = RunControls()
    """What was measured in it that is not the API."""

    @property
    def took_s(self) -> float | None:
        """How long it took; None while it has not ended, and where the clock went back meanwhile."""
        seconds = (self.ended_at - self.started_at).total_seconds() if self.ended_at is not None else -1.0
        return seconds if seconds >= 0 else None


class RunPlace(NamedTuple):
    """A run's place in the order of the runs of its service."""

    id: str
    sequence: int
    started_at: datetime
    scenarios: list[str]
    """The scenarios planned."""


def new_run_id(now: datetime | None = None) -> str:
    """A run id that sorts by time and is a safe folder name: `20261124T020000Z-3fa9`."""
    return f"{(now or datetime.now(UTC)):%Y%m%dT%H%M%SZ}-{secrets.token_hex(2)}"


def run_id_from(name: str) -> str:
    """A safe folder name from somebody else's run name, always the same for the same name (retries find their run)."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")
