"""Parameters of findings that are no more than a text."""

from collections.abc import Mapping

from loadtasks.results.findings.codes import FindingCode, FindingKind
from loadtasks.results.findings.parameters import Parameters


class StoredText(Parameters):
    """A finding that was stored as sentences, or whose code a later version wrote and this one doesn't know."""

    kind: FindingKind = FindingKind.NOTE
    """Which question it answers."""
    text: str = ""
    """Its sentence."""
    next_step: str = ""
    """What to do; empty where there is nothing to do."""


PARAMETERS: Mapping[FindingCode, type[Parameters]] = {FindingCode.TEXT: StoredText}
"""By code."""
