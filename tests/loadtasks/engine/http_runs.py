"""HTTP scenarios run against scripted servers, for the tests of several packages."""

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.model import Measurement
from loadtasks.scenarios.load import ClosedLoad, OpenLoad
from loadtasks.scenarios.model import HttpScenario, Request
from tests.servers import Handler, ScriptedServer, scripted

ONE = ClosedLoad(workers=1, requests=1)


TEN = ClosedLoad(workers=2, requests=10)


def scenario(load: ClosedLoad | OpenLoad = TEN, *requests: Request, **settings: object) -> HttpScenario:
    settings = {"warmup_requests": 0, **settings}
    return HttpScenario(
        name="thing.test", endpoint="thing", requests=requests or (Request(path="/thing"),), load=load, **settings
    )


def run(server: ScriptedServer, chosen: HttpScenario) -> Measurement:
    (measurement,) = run_scenario(chosen, Target(server.url))
    assert measurement.conservation_gap == 0
    return measurement


def run_against(handler: Handler, chosen: HttpScenario) -> Measurement:
    with scripted(handler) as server:
        return run(server, chosen)
