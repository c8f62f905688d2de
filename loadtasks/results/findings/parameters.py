"""The base of every code's parameters."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """The numbers and names of one finding. A code that needs none has these."""

    model_config = ConfigDict(frozen=True, extra="forbid")
