"""This engine under one load, in a process of its own: prints the measurement as JSON.

Arguments: URL LOAD WARMUP_REQUESTS CALIBRATION; the load and the calibration (or null) as JSON.
"""

import sys

from pydantic import TypeAdapter

from loadtasks.engine.net.target import Target
from loadtasks.engine.run_scenario import run_scenario
from loadtasks.measurement.health import Calibration
from loadtasks.scenarios.load import HttpLoad
from loadtasks.scenarios.model import HttpScenario, Request

url, load, warmup_requests, calibration = sys.argv[1:]
scenario = HttpScenario(
    name="benchmark.load",
    endpoint="benchmark",
    requests=(Request(path="/k"),),
    load=TypeAdapter(HttpLoad).validate_json(load),
    warmup_requests=int(warmup_requests),
)
calibrated = TypeAdapter(Calibration | None).validate_json(calibration)
(measurement,) = run_scenario(scenario, Target(url), calibration=calibrated)
print(measurement.model_dump_json())
