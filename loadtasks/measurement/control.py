"""What is measured in every run and is not the API: samples of this machine by itself, and scenarios named as controls.

A control tells what the environment did from what the API did. The responder of the samples is the null server of the
load generator's calibration (`loadtasks.engine.generator.null_server`): it does the same in every run, so that how long
it takes shows how fast this machine is, and how much of it other processes leave. Resolving a name is no control: the
target's name is resolved before any time begins, so that it is in none.
"""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, PositiveFloat

NULL_SERVER = "null_server"
"""The control that a sample's round trips are. No scenario has the name: theirs have a dot."""
NULL_CONNECT = "null_connect"
"""The control that a sample's connections are."""


class ControlSample(BaseModel):
    """The null server on the host of a load generator, measured before a scenario."""

    model_config = ConfigDict(frozen=True)

    host: str
    at: datetime
    round_trip_s: PositiveFloat
    """The mean time of a request and its response over one connection: also what it waits for a processor."""
    on_one_cpu: bool = False
    """Whether generator and null server shared a CPU for the round trips. Before version 13 the system chose, and they
    differed by three times from run to run; such a sample is no control."""
    connect_s: PositiveFloat | None = None
    """The mean time to connect, as that of scenarios is; None where that failed."""


class ControlReading(BaseModel):
    """What a control showed in a run, compared with earlier runs."""

    model_config = ConfigDict(frozen=True)

    name: str
    """`null_server`, `null_connect`, or the name of a scenario."""
    observed_s: PositiveFloat
    usual_s: PositiveFloat | None = None
    """Its usual level; None where there are too few runs."""
    scale: float | None = None
    """How much it differs from run to run: the standard deviation of its logarithm; None where that isn't known."""
    moved_since: str | None = None
    """The id of the run since which it is at another level; None where it is at its usual one."""


class RunControls(BaseModel):
    """The controls of a run."""

    model_config = ConfigDict(frozen=True)

    scenarios: list[str] = []
    """Those with `control: true` in their file: not the API's, so that no change of theirs is a regression."""
    samples: list[ControlSample] = []
    """In order of measuring."""
    readings: list[ControlReading] = []
    """Made when the run was compared; empty before."""
