"""What two measurements must have in common to be compared."""

from collections.abc import Iterator
from enum import StrEnum
from typing import Any, Self

from pydantic import BaseModel, ConfigDict

from loadtasks.measurement.model import Measurement
from loadtasks.results.run import Run


class FingerprintField(StrEnum):
    """What can differ between two measurements so that they can't be compared."""

    SERVICE = "service"
    LOAD = "load"
    SCENARIO = "scenario"
    """What is sent."""
    GENERATOR = "generator"
    PROCESSES = "processes"
    MEASUREMENT_VERSION = "measurement_version"
    PAIRED = "paired"
    """Whether it was measured in rounds with a reference."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """What findings of earlier versions, which compared addresses, call `target`."""
        return cls("service") if value == "target" else None

    @property
    def label(self) -> str:
        """How people read it: `load generator`."""
        return _LABELS[self]


_LABELS = {
    FingerprintField.SERVICE: "service",
    FingerprintField.LOAD: "load",
    FingerprintField.SCENARIO: "requests",
    FingerprintField.GENERATOR: "load generator",
    FingerprintField.PROCESSES: "number of load generator processes",
    FingerprintField.MEASUREMENT_VERSION: "measurement version",
    FingerprintField.PAIRED: "paired rounds",
}


FingerprintValue = bool | int | str | dict[str, Any]
"""A value of a fingerprint: of the load its data."""


class Difference(BaseModel):
    """One thing in which two measurements differ."""

    model_config = ConfigDict(frozen=True)

    field: FingerprintField
    now: FingerprintValue
    """The value of the later measurement."""
    before: FingerprintValue
    """The value of the earlier one."""


class Fingerprint(BaseModel):
    """How a measurement was made. The target's version is no part of it: that is what is compared."""

    model_config = ConfigDict(frozen=True)

    scenario_hash: str
    load: dict[str, Any]
    """The load as data."""
    generator: str
    """The host, or the class of hosts, that made the load."""
    processes: int
    """Processes of the generator."""
    measurement_version: int
    service: str
    """Whose API it was. The target's address is no part of the fingerprint: what is started for one run listens
    wherever it can, and a service may move."""
    paired: bool
    """Whether it was measured in rounds with a reference."""

    def __hash__(self) -> int:
        # The load is a mapping, which has no hash; the other fields differ between most fingerprints.
        return hash((self.scenario_hash, self.generator, self.processes, self.service, self.paired))

    @classmethod
    def of(cls, run: Run, measurement: Measurement) -> Self:
        """The fingerprint of a measurement of a run."""
        return cls(
            scenario_hash=measurement.scenario_hash,
            load=measurement.load,
            generator=run.generator,
            processes=run.processes,
            measurement_version=run.measurement_version,
            service=run.service,
            paired=run.reference_url is not None,
        )

    def first_difference(self, earlier: Self) -> Difference | None:
        """The first difference from an earlier measurement that rules out a comparison; None where there is none."""
        return next(self.differences(earlier), None)

    def differences(self, earlier: Self) -> Iterator[Difference]:
        """Everything in which it differs from an earlier measurement."""
        sides: tuple[tuple[FingerprintField, FingerprintValue, FingerprintValue], ...] = (
            (FingerprintField.SERVICE, self.service, earlier.service),
            (FingerprintField.LOAD, self.load, earlier.load),
            (FingerprintField.SCENARIO, self.scenario_hash, earlier.scenario_hash),
            (FingerprintField.GENERATOR, self.generator, earlier.generator),
            (FingerprintField.PROCESSES, self.processes, earlier.processes),
            (FingerprintField.MEASUREMENT_VERSION, self.measurement_version, earlier.measurement_version),
            (FingerprintField.PAIRED, self.paired, earlier.paired),
        )
        return (Difference(field=field, now=now, before=before) for field, now, before in sides if now != before)
