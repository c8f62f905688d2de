"""What messages report, as data: one missed target, one invalid scenario, one regression, one creep, one refusal.

A message's topics say what was reported to people, so that nothing is reported twice and nothing is forgotten. A topic
can be rendered by itself: the run that it comes from may be gone.
"""

from datetime import datetime
from enum import StrEnum
from typing import NamedTuple

from pydantic import BaseModel, ConfigDict

from loadtasks.measurement.model import label_of
from loadtasks.results.findings.codes import FindingCode
from loadtasks.results.findings.finding import Finding


class TopicKind(StrEnum):
    """What a topic is about."""

    TARGET = "target"
    """A missed target of a scenario or a part."""
    INVALID = "invalid"
    """A scenario that could not be measured, or not be trusted."""
    REGRESSION = "regression"
    """A regression against the baseline, which has an id and a life of its own in the table of regressions."""
    REFERENCE = "reference"
    """A metric that is worse than the reference's in paired runs."""
    CREEP = "creep"
    """A drift away from the level that was accepted: it is reported once, and neither ends nor is brought up again."""
    REFUSAL = "refusal"
    """Runs that could not be opened."""


class TopicEvent(StrEnum):
    """What a message says of a topic."""

    BEGAN = "began"
    CHANGED = "changed"
    """It is known, and of another kind now: another reason, or seen again after an invalid measurement."""
    ENDED = "ended"
    REMINDED = "reminded"
    """It is known and still open."""

    @property
    def is_new(self) -> bool:
        """Whether it says something bad that was not known."""
        return self in (TopicEvent.BEGAN, TopicEvent.CHANGED)


class TopicKey(NamedTuple):
    """What makes two topics the same one."""

    kind: TopicKind
    scenario: str
    part: str
    name: str
    """The metric, or the run that found the regression or creep; empty where there is nothing more to tell apart."""


class Topic(BaseModel):
    """One thing that a message reports."""

    model_config = ConfigDict(frozen=True)

    kind: TopicKind
    event: TopicEvent
    scenario: str = ""
    """Empty of a refusal."""
    part: str = ""
    """The part of a mixed scenario; empty for the whole."""
    name: str = ""
    """What is wrong with it: the metric of a target, or the position of an expectation without one; of a regression or
    a creep the id of the run that found it."""
    regression: int | None = None
    """The id of the regression."""
    scenarios: tuple[str, ...] = ()
    """The scenarios and parts that shifted at once, where a regression is one of several; else empty."""
    acknowledged_by: str | None = None
    """Who works on the regression; None while nobody does."""
    since: datetime
    """When the first run of it began."""
    since_run: str | None = None
    """The id of that run; None of a run that was never opened."""
    findings: tuple[Finding, ...]
    """What the newest run that shows it has found, the gravest first; never empty."""

    @property
    def key(self) -> TopicKey:
        """What makes it the same topic as another one."""
        return TopicKey(self.kind, self.scenario, self.part, self.name)

    @property
    def code(self) -> FindingCode:
        """What is wrong, in one word. A topic whose code is another one has changed."""
        return self.findings[0].code

    @property
    def label(self) -> str:
        """How people read its scenario and part: `mixed.concurrent (sessions)`."""
        return label_of(self.scenario, self.part)
