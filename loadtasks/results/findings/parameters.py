"""The base of every code's parameters, and the parameters of a finding that is no more than a text."""

from pydantic import BaseModel, ConfigDict

from loadtasks.results.findings.codes import FindingKind


class Parameters(BaseModel):
    """The numbers and names of one finding. A code that needs none has these.

    What a later version added is ignored, so that its documents can be read.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")


class StoredText(Parameters):
    """A finding that was stored as sentences, or whose code a later version wrote and this one doesn't know."""

    kind: FindingKind = FindingKind.NOTE
    """Which question it answers."""
    text: str = ""
    """Its sentence."""
    next_step: str = ""
    """What to do; empty where there is nothing to do."""
