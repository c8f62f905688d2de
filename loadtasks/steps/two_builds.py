"""A paired run whose two builds are started for it, and its exit code."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from loadtasks.builds.build import Build, BuildName, HowToStart
from loadtasks.builds.cores import kept_off
from loadtasks.builds.startup import BuildFailedError, StartedBuilds, started_builds
from loadtasks.engine.net.target import Target
from loadtasks.errors import ExitCode
from loadtasks.redaction.redactor import Redactor
from loadtasks.results.document import ResultsDocument
from loadtasks.scenarios.values import is_secret_name
from loadtasks.service_name import MAX_LENGTH
from loadtasks.settings import Settings
from loadtasks.steps.run_context import RunContext, configured_reference, configured_target, secrets_in
from loadtasks.target_address import TargetAddress


@dataclass(frozen=True)
class BuildPair:
    """Two builds of one service, to be compared, and how they are started."""

    candidate: Build
    reference: Build
    how: HowToStart

    @property
    def secrets(self) -> frozenset[str]:
        """What their logs must not show: values of variables with a secret's name, and passwords in URLs."""
        variables = [*self.candidate.variables.items(), *self.reference.variables.items()]
        whole = frozenset(value for name, value in variables if value and is_secret_name(name))
        return whole.union(*(secrets_in(value) for _, value in variables))


@contextmanager
def two_builds(settings: Settings, pair: BuildPair) -> Iterator[tuple[RunContext, StartedBuilds]]:
    """Start both builds, and end them with everything that descends from them at the end of the context.

    The addresses of target and reference in the settings count for nothing: the candidate is the target. A service
    without a name is called like the folder of the candidate.

    Raises:
        BuildFailedError: one of them can't be started, or is not healthy in time.
        BadInputError: an image, and no Docker.
    """
    folder = (pair.candidate.folder or Path.cwd()).resolve().name[:MAX_LENGTH]
    service = settings.service or (folder if folder and folder.isprintable() else "two builds")
    at_builds = settings.model_copy(update={"service": service, "reference": None})

    def target_at(name: BuildName, url: str) -> Target:
        candidate = configured_target(at_builds.model_copy(update={"target": TargetAddress.parse(url)}))
        return candidate if name == "candidate" else configured_reference(settings, candidate, url) or candidate

    began_at, redactor = datetime.now(UTC), Redactor([*settings.secrets, *pair.secrets])
    with (
        started_builds((pair.candidate, pair.reference), pair.how, target_at, redactor) as started,
        kept_off(pair.how.cores),
    ):
        addresses = {
            "target": TargetAddress.parse(started.candidate.url),
            "reference": TargetAddress.parse(started.reference.url),
        }
        context = RunContext.from_settings(at_builds.model_copy(update=addresses))
        yield replace(context, began_at=began_at, alerts=False), started


def start_again(context: RunContext, started: StartedBuilds) -> RunContext:
    """End both builds, and start them again. Gives the context in which the run goes on.

    Raises:
        BuildFailedError: one of them can't be started, or is not healthy in time.
    """
    started.start_again()
    return replace(context, target=started.candidate, reference=started.reference)


def not_compared(document: ResultsDocument) -> list[str]:
    """The scenarios whose reference was lost or is no yardstick."""
    return [result.scenario for result in document.scenarios if result.reference_problem is not None]


def exit_code_of_pair(document: ResultsDocument, failures: Sequence[BuildFailedError]) -> ExitCode:
    """The exit code of a paired run: of its verdict, but never good where the reference was lost.

    `failures`: what is to be said of builds that ended while they were measured.
    """
    codes = {document.exit_code, *(failure.exit_code for failure in failures)}
    if not_compared(document):
        codes.add(ExitCode.INVALID)
    gravest_first = (ExitCode.NOT_GOOD, ExitCode.INVALID, document.exit_code)
    return next(code for code in gravest_first if code in codes)
