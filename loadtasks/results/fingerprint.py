"""What two measurements must have in common to be compared."""

from enum import StrEnum
from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, field_validator

from loadtasks.measurement.model import Measurement
from loadtasks.results.run import Run

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


class FingerprintField(StrEnum):
    """What can differ between two measurements so that they can't be compared."""

    TARGET = "target"
    LOAD = "load"
    SCENARIO = "scenario"
    """What is sent."""
    GENERATOR = "generator"
    PAIRED = "paired"
    """Whether it was measured in rounds with a reference."""

    @property
    def label(self) -> str:
        """How people read it: `load generator`."""
        return _LABELS[self]


_LABELS = {
    FingerprintField.TARGET: "target",
    FingerprintField.LOAD: "load",
    FingerprintField.SCENARIO: "requests",
    FingerprintField.GENERATOR: "load generator",
    FingerprintField.PAIRED: "paired rounds",
}


class Difference(BaseModel):
    """One thing in which two measurements differ."""

    model_config = ConfigDict(frozen=True)

    field: FingerprintField
    now: str
    """The value of the later measurement; of `paired`, `yes` or `no`."""
    before: str
    """The value of the earlier one."""


class Fingerprint(BaseModel):
    """How a measurement was made. The target's version is no part of it: that is what is compared."""

    model_config = ConfigDict(frozen=True)

    scenario_hash: str
    load: str
    """The load profile as a sentence."""
    generator: str
    """Host, version and processes of the generator."""
    target_url: str
    """Without the port where it is this machine: a target that is started for the night listens wherever it can."""
    paired: bool
    """Whether it was measured in rounds beside a reference."""

    @field_validator("target_url")
    @classmethod
    def _without_a_port_of_this_machine(cls, url: str) -> str:
        parts = urlsplit(url)
        if parts.port is None or parts.hostname not in _THIS_MACHINE:
            return url
        return parts._replace(netloc=parts.netloc.removesuffix(f":{parts.port}")).geturl()

    @classmethod
    def of(cls, run: Run, measurement: Measurement) -> Self:
        """The fingerprint of a measurement of a run."""
        return cls(
            scenario_hash=measurement.scenario_hash,
            load=measurement.load,
            generator=run.generator,
            target_url=run.target_url,
            paired=run.reference_url is not None,
        )

    def unlike(self, earlier: Self) -> Difference | None:
        """The first difference from an earlier measurement that rules out a comparison; None where there is none."""
        sides = (
            (FingerprintField.TARGET, self.target_url, earlier.target_url),
            (FingerprintField.LOAD, self.load, earlier.load),
            (FingerprintField.SCENARIO, self.scenario_hash, earlier.scenario_hash),
            (FingerprintField.GENERATOR, self.generator, earlier.generator),
            (FingerprintField.PAIRED, _yes_or_no(self.paired), _yes_or_no(earlier.paired)),
        )
        return next(
            (Difference(field=field, now=now, before=before) for field, now, before in sides if now != before), None
        )


def _yes_or_no(value: bool) -> str:
    return "yes" if value else "no"
