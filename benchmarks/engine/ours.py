"""This engine, closed load: URL CONNECTIONS SECONDS; prints requests a second."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))

from loadtasks.engine.run import run_scenario
from loadtasks.engine.target import Target
from loadtasks.scenarios.load import ClosedLoad
from loadtasks.scenarios.model import HttpScenario, Request

url, connections, seconds = sys.argv[1:]
scenario = HttpScenario(
    name="static.closed",
    endpoint="static",
    requests=(Request(path="/k"),),
    load=ClosedLoad(workers=int(connections), duration_s=float(seconds)),
    warmup_requests=100,
)
(measurement,) = run_scenario(scenario, Target(url))
if measurement.counts.failed or measurement.conservation_gap:
    sys.exit(f"{measurement.counts} {measurement.errors}")
print(measurement.throughput_per_s)
