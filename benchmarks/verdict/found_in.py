"""In which run a slowed endpoint is found: real runs of the whole pipeline, after baselines of several lengths.

    python -m benchmarks.verdict.found_in

A server of its own process responds to thirteen endpoints after 5 ms, or slower by the noise of the run: calm (2 %), or
noisy (15 % from run to run, all repetitions alike). The runs are those of the command line: scenarios are measured,
repeated where that is due, judged and compared. For each baseline and each step of one endpoint: in which run it is
found, 1 being the first slow one. About 15 minutes.
"""

import argparse
import asyncio
import json
import multiprocessing
import multiprocessing.connection
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing.sharedctypes import SynchronizedArray
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks.engine.bench import table
from benchmarks.pipeline_run import run_pipeline
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext

SCENARIOS = 13
STEPS = (1.3, 2.0, 4.0, 11.0, 42.0)
BASELINES = (("calm", 1, 0.02), ("calm", 2, 0.02), ("calm", 5, 0.02), ("calm", 16, 0.02), ("noisy", 16, 0.15))
MAX_RUNS = 4
"""Slow runs after which a step counts as not found."""
_DELAY_S = 0.005
_REQUEST_NOISE = 0.05
_RESPONSE = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
_SLOWED = 4


@dataclass
class Pipeline:
    """A workspace with thirteen small scenarios, and the server that they are sent to."""

    folder: Path
    url: str
    factors: "SynchronizedArray[float]"
    """What each endpoint's delay is multiplied by."""
    random: np.random.Generator
    runs: int = field(default=0)

    @property
    def context(self) -> RunContext:
        """The context of its runs."""
        return RunContext.from_settings(
            read_settings(
                target=self.url,
                service="endpoints",
                scenarios=self.folder / "scenarios",
                expectations=self.folder / "expectations",
                var=self.folder / "var",
            )
        )

    def run(self, cv: float, step: float = 1.0) -> bool:
        """One run, as the command line makes it. Returns whether the slowed endpoint regressed in it."""
        context, run_id, self.runs = self.context, f"run-{self.runs:03d}", self.runs + 1
        for number in range(SCENARIOS):
            slower = step if number == _SLOWED else 1.0
            self.factors[number] = slower * self.random.lognormal(0, np.sqrt(np.log1p(cv**2)))
        run_pipeline(context, run_id, trigger="benchmark")
        with Store.open(context.workspace.results_url) as store:
            regressed = {regression.scenario for regression in store.regressions.all("endpoints", ended=False)}
        return f"e{_SLOWED}.all" in regressed

    def copied_to(self, folder: Path, seed: int) -> "Pipeline":
        """A copy whose runs go their own way."""
        shutil.copytree(self.folder, folder)
        return Pipeline(folder, self.url, self.factors, np.random.default_rng(seed), self.runs)


def main() -> None:
    """Print the table."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000, help="the same gives the same noise")
    arguments = options.parse_args()
    print(f"seed {arguments.seed}", flush=True)
    rows: dict[str, list[str]] = {}
    with _serving() as (url, factors), TemporaryDirectory(prefix="found-in-") as folder:
        for number, noise in enumerate(dict.fromkeys((name, cv) for name, _, cv in BASELINES)):
            pipeline = _pipeline(Path(folder) / noise[0], url, factors, arguments.seed + number)
            for name, length, cv in BASELINES:
                if (name, cv) != noise:
                    continue
                while pipeline.runs < length:
                    if pipeline.run(cv):
                        print(f"false claim in run {pipeline.runs} of {name}", flush=True)
                rows[f"{length} {name}"] = [
                    _found_in(pipeline.copied_to(Path(folder) / f"{name}-{length}-{step:g}", arguments.seed), cv, step)
                    for step in STEPS
                ]
                print(f"{length} {name}", rows[f"{length} {name}"], flush=True)
    print(table(["after", *(f"{step:g}x" for step in STEPS)], [[name, *found] for name, found in rows.items()]))


def _found_in(pipeline: Pipeline, cv: float, step: float) -> str:
    return next((str(run) for run in range(1, MAX_RUNS + 1) if pipeline.run(cv, step)), f"> {MAX_RUNS}")


def _pipeline(folder: Path, url: str, factors: "SynchronizedArray[float]", seed: int) -> Pipeline:
    for name in ("scenarios", "expectations"):
        (folder / name).mkdir(parents=True)
    for number in range(SCENARIOS):
        name = f"e{number}"
        scenario = {
            "endpoint": name,
            "request": {"path": f"/{name}"},
            "scenarios": {"all": {"load": {"workers": 4, "requests": 120}}},
        }
        (folder / "scenarios" / f"{name}.yaml").write_text(json.dumps(scenario))
    return Pipeline(folder, url, factors, np.random.default_rng(seed))


@contextmanager
def _serving() -> "Iterator[tuple[str, SynchronizedArray[float]]]":
    factors = multiprocessing.Array("d", [1.0] * SCENARIOS)
    here, there = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_serve, args=(factors, there), daemon=True)
    server.start()
    try:
        yield f"http://127.0.0.1:{here.recv()}", factors
    finally:
        server.terminate()
        server.join()


def _serve(factors: Sequence[float], pipe: multiprocessing.connection.Connection) -> None:
    random = np.random.default_rng()

    async def respond(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                path = head.split(b" ", 2)[1]
                if path.startswith(b"/e") and path[2:].isdigit():
                    await asyncio.sleep(_DELAY_S * factors[int(path[2:])] * random.lognormal(0, _REQUEST_NOISE))
                writer.write(_RESPONSE)
                await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def serve() -> None:
        server = await asyncio.start_server(respond, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(serve())


if __name__ == "__main__":
    main()
