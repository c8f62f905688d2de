"""The slowest requests in words, so that they can be found in the logs and traces of the target."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from loadtasks import units
from loadtasks.measurement.model import Exemplar, Measurement
from loadtasks.plain_text import plain
from loadtasks.report.text import label
from loadtasks.results.document import ResultsDocument, ScenarioResult
from loadtasks.results.findings.codes import FindingKind
from loadtasks.results.findings.finding import Finding
from loadtasks.results.judgement import Verdict

_OF_THE_ONLY, _OF_EACH = 3, 1
"""How many are shown of a bad scenario: where it is the only one, and where there are more."""
_MAX_ID_LENGTH = 100


@dataclass(frozen=True)
class RenderedExemplar:
    """One of the slowest requests of a measurement."""

    measurement: Measurement
    exemplar: Exemplar

    @property
    def label(self) -> str:
        """Whose it is: `mixed.concurrent (sessions)`."""
        return label(self.measurement.scenario, self.measurement.part)

    @property
    def request(self) -> str:
        """Method and path."""
        return plain(self.exemplar.request)

    @property
    def due(self) -> datetime:
        """When it was due, by the clock of the load generator."""
        return self.measurement.started_at + timedelta(seconds=self.exemplar.due_s)

    @property
    def clock(self) -> str:
        """The time of the day when it was due: `02:00:04.118`."""
        return f"{self.due:%H:%M:%S}.{self.due.microsecond // 1000:03}"

    @property
    def status(self) -> str:
        """The status of the response."""
        return str(self.exemplar.status) if self.exemplar.status else "no response"

    @property
    def request_id(self) -> str | None:
        """The id that the target gave the request in its response."""
        return _bounded(self.exemplar.request_id)

    @property
    def trace_id(self) -> str | None:
        """The trace that the request was sent in: the second field of its `traceparent`."""
        fields = (self.exemplar.traceparent or "").split("-")
        return _bounded(fields[1]) if len(fields) > 1 else None

    @property
    def sentence(self) -> str:
        """All of this in one line."""
        status = f"status {self.status}" if self.exemplar.status else self.status
        zone = self.due.tzname() or ""
        line = f"{self.request} took {units.duration(self.exemplar.response_s)}, {status}, due at {self.clock} {zone}"
        names = (("request id", self.request_id), ("trace id", self.trace_id))
        return line.strip() + "".join(f", {name} {identity}" for name, identity in names if identity)


def of_scenario(result: ScenarioResult) -> list[RenderedExemplar]:
    """The slowest requests of a scenario, slowest first; the whole's, which are those of all its parts."""
    return [
        RenderedExemplar(measurement, exemplar)
        for measurement in result.measurements[:1]
        for exemplar in measurement.exemplars
    ]


def of_bad(document: ResultsDocument) -> list[RenderedExemplar]:
    """A few of the slowest requests of each scenario that missed a target or regressed."""
    bad = [scenario for scenario in document.scenarios if scenario.verdict in (Verdict.FAIL, Verdict.REGRESSED)]
    number = _OF_THE_ONLY if len(bad) == 1 else _OF_EACH
    return [
        RenderedExemplar(measurement, exemplar)
        for result in bad
        for measurement in _concerned(result)
        for exemplar in measurement.exemplars[:number]
    ]


def _concerned(result: ScenarioResult) -> Iterator[Measurement]:
    """The measurements in which something is wrong: of a mixed scenario the parts alone, where it is theirs."""
    parts = {finding.part for finding in result.findings if _blames_requests(finding)}
    return (measurement for measurement in result.measurements if measurement.part in (parts - {""} or parts))


def _blames_requests(finding: Finding) -> bool:
    # A request that a rate limit rejected is no slow request.
    return (finding.misses_target or finding.kind is FindingKind.REGRESSION) and finding.metric != "throttled"


def _bounded(identity: str | None) -> str | None:
    """An id in one line of bounded length; a target may send anything as one."""
    return plain(identity or "")[:_MAX_ID_LENGTH] or None
