"""Think time: the pause of a closed load's workers between a response and the next request."""

from random import Random
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, model_validator

from loadtasks.scenarios.values import Seconds, SecondsOrNone, Seed

_FORMS = "a think time is a number of seconds, or has `min` and `max`, or has `mean`"


class ThinkTime(BaseModel):
    """How long a worker pauses between a response and its next request, in seconds.

    Evenly spread from `min` to `max`, or exponential around `mean`; the seed makes it the same in every run. A plain
    number in a scenario file is a constant: `min` and `max` in one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    min: SecondsOrNone | None = None
    max: SecondsOrNone | None = None
    mean: Seconds | None = None
    seed: Seed = 1

    @model_validator(mode="before")
    @classmethod
    def _constant(cls, given: Any) -> Any:
        if isinstance(given, int | float) and not isinstance(given, bool):
            return {"min": given, "max": given}
        if not isinstance(given, dict | ThinkTime):
            raise ValueError(_FORMS)  # noqa: TRY004 - pydantic's
        return given

    @model_validator(mode="after")
    def _one_form(self) -> Self:
        if (self.min is None) != (self.max is None) or (self.mean is None) == (self.min is None):
            raise ValueError(_FORMS)
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError("a think time's `min` must not be above its `max`")
        return self

    def chance(self, worker: int) -> Random:
        """The random numbers of one worker's pauses: the same for the same seed and worker."""
        return Random(f"{self.seed} {worker}")  # noqa: S311 - reproducible, for no secret

    def draw(self, chance: Random) -> float:
        """One pause in seconds."""
        if self.mean is not None:
            return chance.expovariate(1 / self.mean)
        return chance.uniform(self.min or 0.0, self.max or 0.0)
