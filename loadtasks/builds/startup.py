"""Starting the two builds of a run, once or several times, until both are healthy."""

import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from loadtasks.builds.build import BUILD_NAMES, PORT_MARK, Build, BuildName, HowToStart
from loadtasks.builds.held_build import TAIL_COLUMNS, HeldBuild
from loadtasks.engine.http.probe import TargetSilentError, probe
from loadtasks.engine.net.target import Target
from loadtasks.errors import ExitCode, LoadTasksError, TargetUnavailableError
from loadtasks.redaction.redactor import HIDDEN, Redactor
from loadtasks.scenarios.values import is_secret_name
from loadtasks.units import span

_PAUSE_S = 0.05
_MAX_TRIES = 4
"""How often a build is started that says that another program took its port meanwhile."""
_SERVER_ERROR = 500
_PASSWORD = re.compile(r"(\w://[^\s/:@]*:)[^\s/@]+@")
"""The password in an address."""
_ASSIGNED = re.compile(r"""((?P<name>[\w.-]{1,100})["']?\s*[=:]\s*["']?)(?!//)((bearer|basic)\s+)?[^\s"',;&]+""", re.I)
"""A value and its name: `API_TOKEN=...`, `"password": "..."`."""


class BuildFailedError(LoadTasksError):
    """A build that could not be started, or that ended by itself; the message ends with the last lines of its log."""

    def __init__(self, sentence: str, tail: Sequence[str], exit_code: ExitCode) -> None:
        super().__init__(sentence)
        self.exit_code = exit_code
        self._tail = tail

    def __str__(self) -> str:
        return "\n".join([super().__str__(), *(f"    {line}" for line in self._tail)])


TargetAt = Callable[[BuildName, str], Target]
"""Gives the target at the address of a build."""


@dataclass
class StartedBuilds:
    """Both builds, up and healthy."""

    candidate: Target
    reference: Target
    held: list[HeldBuild]
    how: HowToStart
    targets: TargetAt
    redactor: Redactor
    _is_starting: bool = False
    """Whether they were ended to be started again, and are not healthy yet."""
    _not_again: BuildFailedError | None = None

    def start_again(self) -> None:
        """End both, and start them again at other ports, each with a log of its own.

        Raises:
            BuildFailedError: one of them had ended by itself, can't be started, or is not healthy in time.
        """
        if failures := self.failures():
            raise failures[0]
        self._is_starting = True
        try:
            _end(self.held)
            for place, ended in enumerate(tuple(self.held)):
                self.held[place] = HeldBuild(ended.build, self.how, ended.number + 1)
            ready = _wait_until_healthy(self.held, self.how, self.targets, self.redactor)
        except BuildFailedError as error:
            self._not_again = error
            raise
        self.candidate, self.reference = ready["candidate"], ready["reference"]
        self._is_starting = False

    def failures(self) -> list[BuildFailedError]:
        """What to say of builds that ended by themselves since, the candidate first, or did not start again."""
        if self._is_starting:
            return [self._not_again] if self._not_again is not None else []
        return [failure for name in BUILD_NAMES if (failure := self._failure_of(name)) is not None]

    def _failure_of(self, name: BuildName) -> BuildFailedError | None:
        """What to say of a build that ended by itself since; None while it runs."""
        (build,) = [held for held in self.held if held.build.name == name]
        build.look()
        return _failed(build, f"{build.failure} while it was measured", self.redactor) if build.failure else None


@contextmanager
def started_builds(
    builds: tuple[Build, Build], how: HowToStart, targets: TargetAt, redactor: Redactor
) -> Iterator[StartedBuilds]:
    """Start both builds at once, and end them with everything that descends from them at the end of the context.

    Args:
        builds: the candidate and the reference.
        how: what both have in common.
        targets: gives the target at the address of a build.
        redactor: takes the secrets out of what the builds wrote.

    Raises:
        BuildFailedError: one of them can't be started, or is not healthy in time.
        BadInputError: an image, and no Docker.
    """
    with _healthy(builds, how, targets, redactor) as (held, ready):
        yield StartedBuilds(ready["candidate"], ready["reference"], held, how, targets, redactor)


@contextmanager
def started_reference(
    build: Build, how: HowToStart, target: Callable[[str], Target], redactor: Redactor
) -> Iterator[tuple[Target, HeldBuild]]:
    """Start a reference alone, and end it with everything that descends from it at the end of the context.

    Args:
        build: the reference.
        how: where its log is, and how long it may take.
        target: gives the target at its address.
        redactor: takes the secrets out of what it wrote.

    Raises:
        BuildFailedError: it can't be started, or is not healthy in time.
        BadInputError: an image, and no Docker.
    """
    with _healthy((build,), how, lambda _name, url: target(url), redactor) as (held, ready):
        yield ready[build.name], held[0]


@contextmanager
def _healthy(
    builds: Sequence[Build], how: HowToStart, targets: TargetAt, redactor: Redactor
) -> Iterator[tuple[list[HeldBuild], dict[BuildName, Target]]]:
    """Start builds at once, wait until all are healthy, and end them at the end of the context."""
    held: list[HeldBuild] = []
    try:
        held.extend(HeldBuild(build, how) for build in builds)
        yield held, _wait_until_healthy(held, how, targets, redactor)
    finally:
        _end(held)


def _wait_until_healthy(
    held: list[HeldBuild], how: HowToStart, targets: TargetAt, redactor: Redactor
) -> dict[BuildName, Target]:
    """Wait until all builds are healthy; one whose port was taken meanwhile is started once more, in its place."""
    began_s = time.monotonic()
    ready: dict[BuildName, Target] = {}
    trouble: dict[BuildName, str] = {}
    tries = dict.fromkeys((build.build.name for build in held), 1)
    while len(ready) < len(held):
        time.sleep(_PAUSE_S)
        for place, build in enumerate(held):
            name = build.build.name
            build.look()
            if build.port_was_taken and tries[name] < _MAX_TRIES:
                tries[name] += 1
                build.end()
                held[place] = HeldBuild(build.build, how, build.number)
            elif name not in ready and build.failure is None and build.url is not None:
                trouble[name] = _unhealthy(target := targets(name, build.url))
                if not trouble[name]:
                    ready[name] = target
        if any(build.failure for build in held) or time.monotonic() - began_s > how.timeout_s:
            raise _not_started(held, ready, trouble, how, redactor)
    return ready


def _end(held: Sequence[HeldBuild]) -> None:
    """End all builds at once, with everything that descends from them."""
    for build in held:
        build.ask_to_end()
    for build in held:
        build.end()


def _unhealthy(target: Target) -> str:
    """Why a target is not healthy, as a clause; empty where it is: its health page responds, with no server error."""
    path = target.health_path or target.USUAL_HEALTH_PATH
    try:
        status = probe(target, path, head_only=True).status
    except TargetSilentError:
        return f"GET {path} gets no whole response"
    except TargetUnavailableError:
        return "it takes no connection"
    return f"GET {path} responded {status}" if status >= _SERVER_ERROR else ""


def _not_started(
    held: Sequence[HeldBuild],
    ready: Collection[BuildName],
    trouble: Mapping[BuildName, str],
    how: HowToStart,
    redactor: Redactor,
) -> BuildFailedError:
    """The error of the build that did not start, the candidate's where it is both."""
    build = next(
        (build for build in held if build.failure), next(build for build in held if build.build.name not in ready)
    )
    again = ", when it was started again" if build.number > 1 else ""
    if build.failure:
        return _failed(build, f"{build.failure} before it was healthy{again}", redactor)
    name = build.build.name
    why = f" ({trouble[name]})" if trouble.get(name) else ""
    listens = (
        f"it has to listen on 127.0.0.1:{build.port}, which PORT in its environment and {PORT_MARK} in its command say"
        if build.build.image is None
        else "its port in the container is PORT in its environment, or --container-port"
    )
    return _failed(build, f"is not healthy after {span(how.timeout_s)}{again}{why}: {listens}", redactor)


def _failed(build: HeldBuild, what: str, redactor: Redactor) -> BuildFailedError:
    name = build.build.name
    tail = [without_likely_secrets(redactor.shortened(line, TAIL_COLUMNS)) for line in build.tail()]
    end = f"the end of its log ({build.log}):" if tail else f"it wrote nothing to its log ({build.log})."
    exit_code = ExitCode.NOT_GOOD if name == "candidate" else ExitCode.INVALID
    return BuildFailedError(f"the {name} {what}; {end}", tail, exit_code)


def without_likely_secrets(line: str) -> str:
    """A line of a log without passwords in addresses, and without values whose names say that they are secret."""
    line = _PASSWORD.sub(rf"\1{HIDDEN}@", line)
    return _ASSIGNED.sub(lambda found: f"{found[1]}{HIDDEN}" if is_secret_name(found["name"]) else found[0], line)
