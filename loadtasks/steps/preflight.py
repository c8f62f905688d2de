"""What is asked of a target before any load: whether it responds, and whether it admits to what scenarios ask."""

from collections.abc import Sequence
from dataclasses import asdict

from loadtasks.engine.http.probe import TargetSilentError, check_alive
from loadtasks.engine.net.target import Target
from loadtasks.engine.preflight import run_preflight
from loadtasks.results.findings.validity import AccessRefused
from loadtasks.scenarios.model import Scenario


def usual_page_is_silent(target: Target) -> TargetSilentError | None:
    """Check that a target responds. Returns why the usual health page says nothing about that; None where it does.

    Where no health path is configured, the usual one is only a guess: a target that takes connections, but gives no
    response there, may respond everywhere else.

    Raises:
        TargetUnavailableError: the target takes no connection, or the health page that is configured says that it is
            not healthy, or nothing.
    """
    try:
        check_alive(target)
    except TargetSilentError as silent:
        if target.health_path is not None:
            raise
        return silent
    return None


def ask_target(target: Target, scenarios: Sequence[Scenario]) -> dict[str, AccessRefused]:
    """Ask a target what the scenarios ask. Gives those that it refuses, by name.

    Raises:
        TargetUnavailableError: as `usual_page_is_silent`; and where neither that page nor any request got a response.
        BadInputError: the target's certificate can't be verified with the CA bundle that the environment names.
    """
    silent = usual_page_is_silent(target)
    responses = run_preflight(scenarios, target)
    if silent is not None and responses.asked and not responses.responded:
        raise silent
    return {scenario: AccessRefused(**asdict(refused)) for scenario, refused in responses.refused.items()}
