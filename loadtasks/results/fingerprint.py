"""What two measurements must have in common to be compared."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, field_validator

from loadtasks.measurement.model import Measurement
from loadtasks.results.run import Run

_THIS_MACHINE = frozenset({"localhost", "127.0.0.1", "::1"})


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

    def unlike(self, earlier: Self) -> str | None:
        """Why this one can't be compared with an earlier one, as the rest of a sentence; None when it can."""
        if self.target_url != earlier.target_url:
            return f"its target is {self.target_url}, not {earlier.target_url}"
        if self.load != earlier.load:
            return f"its load is {self.load}, not {earlier.load}"
        if self.scenario_hash != earlier.scenario_hash:
            return "what is sent has changed"
        if self.generator != earlier.generator:
            return f"its load was made by {self.generator}, not by {earlier.generator}"
        if self.paired != earlier.paired:
            rounds = "in rounds beside a reference"
            return f"it was measured {rounds}, the other wasn't" if self.paired else f"the other was measured {rounds}"
        return None
