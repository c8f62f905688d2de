"""The base of every code's parameters."""

from pydantic import BaseModel, ConfigDict


class Parameters(BaseModel):
    """The numbers and names of one finding. A code that needs none has these.

    What a later version added is ignored, so that its documents can be read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")
