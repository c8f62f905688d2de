"""The reference's measurements of a scenario in a paired run, with the rounds of both, as they are kept."""

from typing import Self

from pydantic import BaseModel, model_validator

from loadtasks.engine.recording.round_ratios import RoundRatios
from loadtasks.measurement.model import Measurement


class Pairing(BaseModel):
    """What the reference showed, and the rounds of both; or why there is no such thing."""

    problem: str | None = None
    """Why the scenario was measured without the reference, in one sentence."""
    reference: list[Measurement] = []
    """The whole first, then its parts."""
    round_ratios: list[RoundRatios] = []
    """The rounds: of the whole, then of the parts."""

    @model_validator(mode="after")
    def _one_or_the_other(self) -> Self:
        if (self.problem is None) != bool(self.reference and self.round_ratios):
            raise ValueError("a pairing has either a problem, or a reference and round ratios")
        return self
