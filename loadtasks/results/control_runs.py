"""The controls of a service's runs: what each run measured that is not the API."""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

from sqlalchemy import select
from sqlalchemy.orm import Session

from loadtasks.measurement.control import NULL_CONNECT, NULL_SERVER, ControlReading, ControlSample, RunControls
from loadtasks.results.plausible import plausible
from loadtasks.results.schema import RunRow


@dataclass(frozen=True)
class ControlRun:
    """One run of a service."""

    run_id: str
    sequence: int
    generator: str
    """The host, or the class of hosts, that made the load: only runs of one can be compared."""
    controls: RunControls

    def value(self, name: str) -> float | None:
        """What the samples show of `null_server` or `null_connect`, in seconds: their median; None without any."""
        samples = [sample for sample in self.controls.samples if sample.on_one_cpu]
        values = {
            NULL_SERVER: [sample.round_trip_s for sample in samples],
            NULL_CONNECT: [sample.connect_s for sample in samples if sample.connect_s is not None],
        }[name]
        return median(values) if values else None


def read_control_runs(session: Session, service: str) -> list[ControlRun]:
    """The runs of a service, the oldest first. One with a reference has no samples."""
    columns = (RunRow.id, RunRow.sequence, RunRow.generator, RunRow.controls)
    query = select(*columns).where(RunRow.service == service).order_by(RunRow.sequence)
    return [
        ControlRun(run_id, sequence, generator, plausible(RunControls.model_validate(controls)))
        for run_id, sequence, generator, controls in session.execute(query)
    ]


def add_sample(row: RunRow, sample: ControlSample) -> None:
    """Add a sample to those of a run."""
    controls = RunControls.model_validate(row.controls)
    row.controls = controls.model_copy(update={"samples": [*controls.samples, sample]}).model_dump(mode="json")


def replace_readings(row: RunRow, readings: Sequence[ControlReading]) -> None:
    """Put readings in the place of those of a run."""
    controls = RunControls.model_validate(row.controls)
    row.controls = controls.model_copy(update={"readings": list(readings)}).model_dump(mode="json")
