"""The failed requests on both sides of a change of the error rate."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Share = Annotated[float, Field(ge=0, le=1)]


class ErrorCounts(BaseModel):
    """How many requests did not succeed before a change and since; throttled ones don't count."""

    model_config = ConfigDict(frozen=True)

    failed_before: int = Field(ge=0)
    """In the runs of the baseline, bursts of errors that were over by the next run left out."""
    requests_before: int = Field(ge=1)
    failed: int = Field(ge=0)
    """In the runs since, all of their repetitions."""
    requests: int = Field(ge=1)
    low: Share
    """The lower end of the 95 % confidence interval of the error rate since."""
    high: Share
    """The upper end of the 95 % confidence interval of the error rate since."""

    @property
    def rate_before(self) -> float:
        """The error rate before, 0 to 1."""
        return self.failed_before / self.requests_before

    @property
    def rate(self) -> float:
        """The error rate since, 0 to 1."""
        return self.failed / self.requests
