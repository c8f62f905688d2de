"""How a scenario is measured: alone, or in rounds beside a reference; and what is checked before any load is sent."""

from collections.abc import Sequence

from loadtasks.engine.generator.progress import OnProgress
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_paired import run_paired
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.errors import BadInputError, LoadTasksError
from loadtasks.measurement import target_metrics
from loadtasks.measurement.health import Calibration
from loadtasks.measurement.model import Measurement
from loadtasks.results.pairing import Pairing
from loadtasks.scenarios.model import HttpScenario, Scenario, first_request
from loadtasks.verdict.reference.findings import RoundBudget


def check_target(target: Target, scenarios: Sequence[Scenario]) -> None:
    """See that a target answers and lets the scenarios in.

    Raises:
        BadInputError: its token is missing or not accepted.
        TargetUnavailableError: it doesn't answer.
    """
    target.check_alive()
    requests = (first_request(scenario) for scenario in scenarios)
    for path in dict.fromkeys(request.path for request in requests if request is not None):
        target.check_admitted(path)


def check_rounds(processes: int) -> None:
    """See that scenarios can be driven beside a reference.

    Raises:
        BadInputError: there is more than one process, or the budget is wrong.
    """
    RoundBudget.from_environ()
    if processes > 1:
        raise BadInputError(
            f"{processes} processes and a reference: rounds are driven by one process; leave out --processes and "
            "LOADTASKS_PROCESSES, or the reference."
        )


def measure_scenario(
    scenario: Scenario,
    target: Target,
    on_progress: OnProgress | None,
    *,
    processes: int,
    reference: Target | None,
    seed: str,
    calibration: Calibration,
) -> tuple[list[Measurement], Pairing | None]:
    """What a scenario showed, and what its reference did; None where there is no reference.

    What the target's own metrics say of that time is kept with the whole.

    With a reference that isn't there, or is lost under way, the scenario is measured alone and the pairing says why.

    Raises:
        LoadTasksError: it could not be measured.
    """
    before = target_metrics.read(target)
    measurements, pairing = _driven(scenario, target, on_progress, processes, reference, seed, calibration)
    told = target_metrics.between(target, before, target_metrics.read(target))
    return [measurements[0].model_copy(update={"target_metrics": told}), *measurements[1:]], pairing


def _driven(
    scenario: Scenario,
    target: Target,
    on_progress: OnProgress | None,
    processes: int,
    reference: Target | None,
    seed: str,
    calibration: Calibration,
) -> tuple[list[Measurement], Pairing | None]:
    counted = isinstance(scenario, HttpScenario) and not scenario.scales
    if reference is None or counted:  # what is counted can't be cut into rounds
        return run_scenario(scenario, target, on_progress, processes=processes, calibration=calibration), None
    try:
        check_target(reference, [scenario])
    except LoadTasksError as error:
        return run_scenario(scenario, target, on_progress, calibration=calibration), _unpaired(str(error))
    budget = RoundBudget.from_environ()
    paired = run_paired(
        scenario,
        target,
        reference,
        budget.more_rounds,
        on_progress,
        seed=seed,
        most_s=budget.seconds,
        calibration=calibration,
    )
    if paired.lost is not None:
        return paired.candidate, _unpaired(paired.lost)
    return paired.candidate, Pairing(reference=paired.reference, round_ratios=paired.pairs)


def _unpaired(why: str) -> Pairing:
    return Pairing(problem=f"so only its targets were judged: {why}")
