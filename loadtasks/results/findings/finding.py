"""One thing that was found in a run: a code with its parameters. Its sentence is made when it is shown."""

from typing import Any

from pydantic import BaseModel, ConfigDict, SerializeAsAny, computed_field, model_validator

from loadtasks.results.findings import (
    availability,
    causes,
    connections,
    history,
    lifecycle,
    other_run,
    reference,
    targets,
    validity,
)
from loadtasks.results.findings.codes import FindingCode, FindingKind, Likelihood, Severity
from loadtasks.results.findings.parameters import Parameters, StoredText

PARAMETERS: dict[FindingCode, type[Parameters]] = {
    **validity.PARAMETERS,
    **targets.PARAMETERS,
    **connections.PARAMETERS,
    **availability.PARAMETERS,
    **history.PARAMETERS,
    **lifecycle.PARAMETERS,
    **reference.PARAMETERS,
    **other_run.PARAMETERS,
    **causes.PARAMETERS,
    FindingCode.TEXT: StoredText,
}
"""The type of each code's parameters; `Parameters` itself for a code that is missing here."""
_CODES = frozenset(FindingCode)
_CRITICAL = frozenset({FindingKind.VALIDITY, FindingKind.TARGET, FindingKind.REGRESSION})


class Finding(BaseModel):
    """One thing that was found, in numbers and names."""

    model_config = ConfigDict(frozen=True)

    code: FindingCode
    severity: Severity = Severity.INFO
    """`critical` decides the verdict. Follows from the kind where it isn't given."""
    part: str = ""
    """The part of a mixed scenario; empty for the whole."""
    metric: str = ""
    """The name of the metric in the registry; empty where no number was judged."""
    observed: float | None = None
    limit: float | None = None
    """The target's limit, or the level of the baseline."""
    likelihood: Likelihood | None = None
    """Of a cause; None of every other finding."""
    parameters: SerializeAsAny[Parameters] = Parameters()

    @computed_field  # type: ignore[prop-decorator]
    @property
    def kind(self) -> FindingKind:
        """Which question it answers; follows from the code."""
        if isinstance(self.parameters, StoredText):
            return self.parameters.kind
        return self.code.kind

    @property
    def misses_target(self) -> bool:
        """Whether it fails its scenario: a target of severity `critical` was missed. Others are only reported."""
        return self.kind is FindingKind.TARGET and self.severity is Severity.CRITICAL

    @model_validator(mode="before")
    @classmethod
    def _complete(cls, given: Any) -> Any:
        """Read the parameters as those of the code, and the severity from its kind where it isn't given.

        A code that only a later version knows becomes a text.
        """
        if not isinstance(given, dict) or not isinstance(given.get("code"), str):
            return given  # what is wrong with it is said where it is read
        whole = dict(given)
        if whole["code"] not in _CODES:
            text = str(whole["code"]).replace("_", " ")
            whole |= {
                "code": FindingCode.TEXT,
                "parameters": StoredText(kind=whole.get("kind", FindingKind.NOTE), text=text),
            }
        code = FindingCode(whole["code"])
        parameters = whole.get("parameters", {})
        if isinstance(parameters, dict):
            parameters = whole["parameters"] = PARAMETERS.get(code, Parameters).model_validate(parameters)
        kind = parameters.kind if isinstance(parameters, StoredText) else code.kind
        whole.setdefault("severity", Severity.CRITICAL if kind in _CRITICAL else Severity.INFO)
        return whole
