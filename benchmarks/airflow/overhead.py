"""What a run takes beyond its load under Airflow's scheduler, before and after a change of the code.

    make benchmark-airflow                                  about 20 minutes; ARGS="--before REVISION --runs 3"
    make benchmark-airflow ARGS=--nightly                   the same of `make nightly`, which needs no scheduler

Starts what `make airflow` starts, twice: from the commit `--before`, and from the working tree. Each gets a run to warm
up; then whole runs are triggered, of one and the other in turn. The Airflow that waits for its turn is paused
(SIGSTOP), so that both are measured in the same minutes of the same machine and neither disturbs the other.

The load of a run is the sum of what its measurements took; the rest of its time is overhead. Everything is kept in
`var/benchmarks/airflow`: `runs.jsonl` has all figures.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from statistics import median

import psutil

from benchmarks.airflow.phases import TaskTimes, load_s, task_times, wall_s
from benchmarks.airflow.source_trees import SourceTree
from benchmarks.alerts.under_scheduler import AirflowApi
from loadtasks.builds.held_build import free_port
from scripts import PROJECT, Interruption
from scripts.services import Services

VAR = PROJECT / "var" / "benchmarks" / "airflow"
BEFORE = "7705f6d"
"""The commit before tasks began in a process that has imported the pipeline."""
SHORT = {"scenarios": ["config_get.concurrent"]}
_VERDICTS = (0, 1, 3)
"""Exit codes of runs that came to their end; on a busy machine not all measurements are valid."""
_START_TIMEOUT_S, _RUN_TIMEOUT_S, _SETTLE_S = 300, 900, 5
_PARTS = {
    "airflow api_server": "API server",  # it names its process so
    "airflow scheduler": "scheduler and tasks",
    "airflow dag-processor": "DAG processor",
}


@dataclass
class MeasuredRun:
    """What one run took."""

    tree: str
    wall_s: float
    load_s: float
    tasks: dict[str, TaskTimes]
    cpu_s: dict[str, float]
    """By part of Airflow, while the run lasted; that of the tasks with that of the scheduler."""

    @property
    def overhead_s(self) -> float:
        """What it took beyond its load."""
        return self.wall_s - self.load_s


class RunningAirflow:
    """What `make airflow` starts from a source tree."""

    def __init__(self, tree: SourceTree, services: Services) -> None:
        self.tree = tree
        self._port = free_port()
        self.home = tree.var / "airflow"
        services.start(
            tree.name,
            tree.command("-m", "scripts.airflow_up", "--port", str(free_port())),
            cwd=tree.folder,
            environment=environment(tree, self._port),
        )
        url = f"http://127.0.0.1:{self._port}"
        services.wait_until_ready(tree.name, f"{url}/api/v2/monitor/health", _START_TIMEOUT_S)
        self._api = AirflowApi(url)
        self._api.log_in()
        self._process = psutil.Process(services.running[tree.name].pid)
        deadline = time.monotonic() + _START_TIMEOUT_S
        while not self._api.call("/api/v2/dags")["dags"]:
            if time.monotonic() > deadline:
                raise SystemExit(f"Airflow has not read the DAG; see {services.logs}")
            time.sleep(1)

    def run(self, conf: dict[str, list[str]] | None = None) -> MeasuredRun:
        """Make a run and wait for its end. It is the first of its results database: none is repeated to learn from."""
        forget_runs(self.tree)
        cpu = self._cpu_s()
        dag_run_id = self._api.trigger(conf)
        deadline = time.monotonic() + _RUN_TIMEOUT_S
        while (wall := wall_s(self.home, dag_run_id)) is None:
            if time.monotonic() > deadline:
                raise SystemExit(f"{dag_run_id} did not end within {_RUN_TIMEOUT_S} s")
            time.sleep(0.2)
        time.sleep(1)  # the last task's process ends
        return MeasuredRun(
            self.tree.name,
            wall,
            load_s(self.tree.var),
            task_times(self.home, dag_run_id),
            {part: used - cpu[part] for part, used in self._cpu_s().items()},
        )

    def memory_mb(self) -> dict[str, float]:
        """By part of Airflow; what processes share counts once."""
        return {
            part: sum(process.memory_full_info().pss for process in processes) / 1e6
            for part, processes in self._parts().items()
        }

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Stop Airflow's processes for a while; the API under test, which does nothing, is left alone."""
        for _ in range(2):  # one may have forked meanwhile
            self._send(signal.SIGSTOP)
        try:
            yield
        finally:
            self._send(signal.SIGCONT)

    def _send(self, number: signal.Signals) -> None:
        for processes in self._parts().values():
            for process in processes:
                with suppress(psutil.NoSuchProcess):  # it has ended since
                    process.send_signal(number)

    def _cpu_s(self) -> dict[str, float]:
        """CPU time until now by part of Airflow, that of processes that have ended too."""
        used = dict.fromkeys(_PARTS.values(), 0.0)
        for part, processes in self._parts().items():
            for process in processes:
                with suppress(psutil.NoSuchProcess):  # its parent has its time
                    used[part] += sum(process.cpu_times()[:4])
        return used

    def _parts(self) -> dict[str, list[psutil.Process]]:
        found = dict[str, list[psutil.Process]]()
        for process in self._process.children():
            command_line = " ".join(process.cmdline())
            for words, part in _PARTS.items():
                if words in command_line:
                    found[part] = [process, *process.children(recursive=True)]
        return found


def forget_runs(tree: SourceTree) -> None:
    """Remove a tree's results database."""
    for file in tree.var.glob("results.db*"):
        file.unlink()


def environment(tree: SourceTree, port: int) -> dict[str, str]:
    """The environment of a tree's processes: nothing of this one's settings, and a folder of its own."""
    ours = ("AIRFLOW", "LOADTASKS_", "APP_", "PYTHONPATH")
    clean = {name: "" for name in os.environ if name.startswith(ours)}
    return {**clean, "LOADTASKS_VAR": str(tree.var), "AIRFLOW_PORT": str(port)}


def under_scheduler(trees: Sequence[SourceTree], runs: int) -> list[MeasuredRun]:
    """Alternate runs under the schedulers of both trees, and print what each took."""
    measured: list[MeasuredRun] = []
    with ExitStack() as ending:
        services = ending.enter_context(Services(VAR / "logs"))
        waiting: list[tuple[RunningAirflow, ExitStack]] = []
        for tree in trees:
            airflow = RunningAirflow(tree, services)
            airflow.run(SHORT)
            time.sleep(_SETTLE_S)
            memory = airflow.memory_mb()
            print(f"{tree.name}: idle, MB: {_listed(memory)}; in all {sum(memory.values()):.0f}", flush=True)
            pause = ending.enter_context(ExitStack())
            pause.enter_context(airflow.paused())
            waiting.append((airflow, pause))
        for _ in range(runs):
            for airflow, pause in waiting:
                pause.close()
                time.sleep(_SETTLE_S)
                measured.append(run := airflow.run())
                pause.enter_context(airflow.paused())
                _keep(run)
    return measured


def by_nightly(trees: Sequence[SourceTree], runs: int) -> list[MeasuredRun]:
    """Alternate `make nightly` of both trees, and print what each took; the first of each is not counted."""
    measured = []
    for number in range(runs + 1):
        for tree in trees:
            forget_runs(tree)
            began_s, cpu_s = time.monotonic(), _children_cpu_s()
            ended = subprocess.run(
                tree.command("-m", "scripts.nightly"),
                cwd=tree.folder,
                env=os.environ | environment(tree, free_port()),
                capture_output=True,
                text=True,
                check=False,
            )
            if ended.returncode not in _VERDICTS:
                raise SystemExit(f"{ended.stdout[-2000:]}{ended.stderr[-2000:]}")
            wall = time.monotonic() - began_s
            run = MeasuredRun(tree.name, wall, load_s(tree.var), {}, {"all": _children_cpu_s() - cpu_s})
            if number:
                measured.append(run)
                _keep(run)
    return measured


def _children_cpu_s() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _keep(run: MeasuredRun) -> None:
    with (VAR / "runs.jsonl").open("a") as file:
        file.write(json.dumps(asdict(run)) + "\n")
    print(
        f"{run.tree:7} wall {run.wall_s:6.1f} s, load {run.load_s:5.1f} s, overhead {run.overhead_s:6.1f} s; "
        f"CPU, s: {_listed(run.cpu_s, 1)}; load average {os.getloadavg()[0]:.1f}",
        flush=True,
    )


def _listed(values: dict[str, float], digits: int = 0) -> str:
    return ", ".join(f"{name} {value:.{digits}f}" for name, value in values.items())


def print_tables(runs: Sequence[MeasuredRun]) -> None:
    """Print medians by tree, and by task where that is known."""
    trees = list(dict.fromkeys(run.tree for run in runs))
    print("\n| | wall, s | load, s | overhead, s | CPU, s |\n| --- | ---: | ---: | ---: | ---: |")
    for tree in trees:
        own = [run for run in runs if run.tree == tree]
        columns = [
            median(values)
            for values in zip(
                *((run.wall_s, run.load_s, run.overhead_s, sum(run.cpu_s.values())) for run in own), strict=True
            )
        ]
        print(f"| {tree} | " + " | ".join(f"{value:.1f}" for value in columns) + " |")
    overheads = [median(run.overhead_s for run in runs if run.tree == tree) for tree in trees]
    print(f"\nOverhead after / before: {overheads[-1] / overheads[0]:.2f}")
    if not runs[0].tasks:
        return
    names = list(asdict(TaskTimes()))
    header = " | ".join(f"{tree}: {name}" for tree in trees for name in names)
    print(f"\n| task | {header} |\n| --- |{' ---: |' * len(names) * len(trees)}")
    for task in dict.fromkeys(task for run in runs for task in run.tasks):
        cells = [
            f"{median(getattr(run.tasks.get(task, TaskTimes()), name) for run in runs if run.tree == tree):.1f}"
            for tree in trees
            for name in names
        ]
        print(f"| {task} | {' | '.join(cells)} |")


def main() -> None:
    """Make the runs and print what they took."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--before", default=BEFORE, metavar="REVISION", help="the commit to compare with")
    parser.add_argument("--runs", type=int, default=5, help="of each tree")
    parser.add_argument("--nightly", action="store_true", help="`make nightly` instead of the scheduler")
    parser.add_argument("--only-after", action="store_true", help="the working tree alone")
    options = parser.parse_args()
    Interruption().install()
    VAR.mkdir(parents=True, exist_ok=True)
    trees = [SourceTree.working(VAR)]
    if not options.only_after:
        trees.insert(0, SourceTree.of_commit(options.before, VAR))
    for tree in trees:
        tree.var.mkdir(exist_ok=True)
        parses = [tree.parse_s(os.environ | environment(tree, 1)) for _ in range(options.runs)]
        print(f"{tree.name}: reading the DAG file takes {median(parses):.2f} s of CPU time above Airflow's import")
    print_tables((by_nightly if options.nightly else under_scheduler)(trees, options.runs))


if __name__ == "__main__":
    main()
