"""The slowest requests in words, so that they can be found in the target's own logs and traces."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from loadtasks import units
from loadtasks.measurement.model import Exemplar, Measurement
from loadtasks.report import words
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.judgement import Verdict

_ALONE, _AMONG_OTHERS = 3, 1
"""How many are told of a bad scenario: where it is the only one, and where there are more."""
_LONGEST_ID = 100


@dataclass(frozen=True)
class RenderedExemplar:
    """One of the slowest requests of a measurement."""

    measurement: Measurement
    exemplar: Exemplar

    @property
    def label(self) -> str:
        """Whose it is: `mixed.concurrent (sessions)`."""
        return words.label(self.measurement.scenario, self.measurement.part)

    @property
    def request(self) -> str:
        """Method and path."""
        return words.plain(self.exemplar.request)

    @property
    def due(self) -> datetime:
        """When it was due; to the generator's clock."""
        return self.measurement.started_at + timedelta(seconds=self.exemplar.due_s)

    @property
    def clock(self) -> str:
        """The same for people: `02:00:04.118`; the run's date and zone stand elsewhere."""
        return f"{self.due:%H:%M:%S}.{self.due.microsecond // 1000:03}"

    @property
    def status(self) -> str:
        """The answer's status."""
        return str(self.exemplar.status) if self.exemplar.status else "no answer"

    @property
    def request_id(self) -> str | None:
        """What the target calls the request in its answer."""
        return _bounded(self.exemplar.request_id)

    @property
    def trace_id(self) -> str | None:
        """The trace that the request was sent in: the second field of its `traceparent`."""
        fields = (self.exemplar.traceparent or "").split("-")
        return _bounded(fields[1]) if len(fields) > 1 else None

    @property
    def sentence(self) -> str:
        """All of it in one line."""
        status = f"status {self.status}" if self.exemplar.status else self.status
        zone = self.due.tzname() or ""
        told = f"{self.request} took {units.duration(self.exemplar.response_s)}, {status}, due at {self.clock} {zone}"
        names = (("request id", self.request_id), ("trace id", self.trace_id))
        return told.strip() + "".join(f", {name} {identity}" for name, identity in names if identity)


def of_scenario(result: ScenarioResult) -> list[RenderedExemplar]:
    """The slowest requests of a scenario, slowest first; the whole's, which are those of all its parts."""
    return [
        RenderedExemplar(measurement, exemplar)
        for measurement in result.measurements[:1]
        for exemplar in measurement.exemplars
    ]


def of_bad(document: ResultsDocument) -> list[RenderedExemplar]:
    """The slowest requests of each scenario that missed a target or got worse: a few, to begin the search with."""
    bad = [scenario for scenario in document.scenarios if scenario.verdict in (Verdict.FAIL, Verdict.REGRESSED)]
    number = _ALONE if len(bad) == 1 else _AMONG_OTHERS
    return [each for result in bad for measurement in _concerned(result) for each in _first(measurement, number)]


def _concerned(result: ScenarioResult) -> Iterator[Measurement]:
    """The measurements in which something is wrong; of a mixed scenario the parts alone, where it is theirs."""
    kinds = (FindingKind.TARGET, FindingKind.REGRESSION)
    # What a limit turned away is no slow request.
    parts = {finding.part for finding in result.findings if finding.kind in kinds and finding.metric != "throttled"}
    return (measurement for measurement in result.measurements if measurement.part in (parts - {""} or parts))


def _first(measurement: Measurement, number: int) -> Iterator[RenderedExemplar]:
    return (RenderedExemplar(measurement, exemplar) for exemplar in measurement.exemplars[:number])


def _bounded(identity: str | None) -> str | None:
    """An id in one line of bounded length; a target may send anything as one."""
    return words.plain(identity or "")[:_LONGEST_ID] or None
