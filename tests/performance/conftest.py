"""What the load tests share: a target, and measurements that are made once and judged by the suites."""

from collections.abc import Callable, Iterator

import pytest

from loadtasks.engine.http.probe import check_alive
from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.files import read_scenarios
from loadtasks.settings import read_settings
from loadtasks.steps import configured_target
from loadtasks.verdict.judge_run import judge_run
from loadtasks.verdict.targets.validation import read_suites
from loadtasks.workspace import Workspace
from tests.app.service import prepare, running

Measure = Callable[[str], list[Measurement]]


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    """The API of LOADTASKS_TARGET (its token in LOADTASKS_TOKEN); where none is given, the shipped one is started."""
    settings = read_settings()
    if "target" in settings.model_fields_set:
        named = configured_target(settings)
        check_alive(named)
        yield named
        return
    folder = tmp_path_factory.mktemp("api")
    with running(prepare(folder, 20_000), folder) as service:
        yield Target(service.url, service.token)


@pytest.fixture(scope="session")
def measure(target: Target) -> Measure:
    """Runs a scenario by its name; the whole comes first, then the parts of a mixed one."""
    scenarios = read_scenarios(Workspace.from_settings(read_settings()).scenarios)
    return lambda name: run_scenario(scenarios[name], target)


@pytest.fixture(scope="session")
def judge() -> Callable[[list[Measurement]], None]:
    """Fails with every sentence that the verdict has against a measurement."""
    suites = read_suites(Workspace.from_settings(read_settings()).expectations)

    def judged(measurements: list[Measurement]) -> None:
        (verdict,) = judge_run([measurements[0].scenario], measurements, {}, suites, None)
        assert verdict.verdict.good, "; ".join(finding.sentence for finding in verdict.findings)

    return judged
