"""How fast the pages in Airflow are with a long history: reading what they show, and drawing them in a browser.

    python -m benchmarks.pages.speed FOLDER

FOLDER is one that `benchmarks.pages.stored_services` made; Airflow's own files of the API server go there, too. *Data*
is what the pages' steps take in this process, the median of five, and *CPU* what they use of a CPU: the former is more
where the machine has other work. *Response* is what the API server takes until the
first byte, which includes rights and the template; *drawn* is the time from the click until the last chart in view, or
the page where it has none, is drawn in headless Chromium, 1400 pixels wide: medians of three. Exits with 1 where data
takes longer than 300 ms or a page is drawn later than after 1 s.
"""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from urllib.error import URLError
from urllib.request import urlopen

from benchmarks.pages.devtools import Browser, NotDrawnError, end_process
from benchmarks.pages.stored_services import SLOWER
from loadtasks import steps
from loadtasks.report.pages.scenario import MAX_RUNS
from loadtasks.report.template_environment import anchor
from loadtasks.results.store import Store
from loadtasks.settings import read_settings
from loadtasks.steps import RunContext, ScenarioChoice
from tests.airflow_process import AirflowProcess

_MAX_DATA_MS, _MAX_DRAWN_MS = 300, 1000
_READS, _LOADS = 5, 3
_MAX_START_S = 120
_SERVICE = "shop"
_WATCH = """
  window.drawnAt = 0;
  new MutationObserver((changes) => {
    for (const { addedNodes } of changes) for (const node of addedNodes) {
      if (node.nodeName.toLowerCase() === "svg" && node.closest(".chart-drawing")) window.drawnAt = performance.now();
    }
  }).observe(document, { childList: true, subtree: true });
"""
_IN_VIEW = """
  [...document.querySelectorAll(".chart")].filter((one) => one.getBoundingClientRect().top < innerHeight)
    .every((one) => one.querySelector(".chart-drawing svg"))
"""
_OPENED = "Boolean(document.querySelector('details.scenario[open] .chart'))"
_TIMES = """
  (() => { const [entry] = performance.getEntriesByType("navigation");
    return [entry.responseStart - entry.requestStart, Math.max(window.drawnAt, entry.domContentLoadedEventEnd)]; })()
"""


def main(var: Path) -> int:
    """Measure every page. Returns the exit code."""
    context = RunContext.from_settings(read_settings(var=var.absolute()))
    pages = _pages(context)
    print(f"load average {os.getloadavg()[0]:.1f}, {os.cpu_count()} CPUs")
    print(f"{'page':<28}{'data':>9}{'CPU':>9}{'response':>10}{'drawn':>9}{'size':>10}{'elements':>10}")
    slow = []
    with _api_server(var.absolute()) as address, Browser(_WATCH) as browser:
        for name, (path, read) in pages.items():
            read()  # imports, and plans of queries
            data_ms, cpu_ms = (median(taken) for taken in zip(*(_took_ms(read) for _ in range(_READS)), strict=True))
            print(f"{name:<28}{data_ms:>6.0f} ms{cpu_ms:>6.0f} ms", end="", flush=True)
            until = f"{_OPENED} && {_IN_VIEW}" if "#" in path else _IN_VIEW
            try:
                browser.open(f"{address}{path}", until)  # logs in, compiles templates
                loads = [browser.open(f"{address}{path}", until, _TIMES) for _ in range(_LOADS)]
            except NotDrawnError as error:
                print(f"  {error}")
                slow.append(name)
                continue
            response_ms, drawn_ms = (median(load[place] for load in loads) for place in (0, 1))
            size = browser.evaluate("document.documentElement.outerHTML.length")
            elements = browser.evaluate("document.getElementsByTagName('*').length")
            print(f"{response_ms:>7.0f} ms{drawn_ms:>6.0f} ms{size / 1e3:>7.0f} kB{elements:>10}", flush=True)
            if data_ms > _MAX_DATA_MS or drawn_ms > _MAX_DRAWN_MS:
                slow.append(name)
    print(f"beyond {_MAX_DATA_MS} ms of data or {_MAX_DRAWN_MS} ms until drawn: {', '.join(slow) or 'none'}")
    return 1 if slow else 0


def _pages(context: RunContext) -> dict[str, tuple[str, Callable[[], object]]]:
    """The path of each page, and what reads its data."""
    with Store.open(context.workspace.results_url) as store:
        newest, *others = store.run_ids(_SERVICE)
        services = store.services()
    other = others[len(others) // 2]
    scenario = f"/scenario?service={_SERVICE}&scenario={SLOWER}"

    def read_scenario(shown: int) -> Callable[[], object]:
        choice = ScenarioChoice(_SERVICE, SLOWER, shown=shown)
        return lambda: steps.scenario_page(context, choice, may_decide=True)

    return {
        "overview": ("/", lambda: steps.overview(context, services, 30)),
        "regressions": ("/regressions", lambda: steps.listed_regressions(context, services, ended=True)),
        "regression": ("/regressions/1", lambda: steps.regression_page(context, 1, may_decide=True)),
        "scenario, 30 runs": (f"{scenario}&range=30", read_scenario(30)),
        "scenario, 90 runs": (scenario, read_scenario(90)),
        "scenario, all runs": (f"{scenario}&range=all", read_scenario(MAX_RUNS)),
        "runs": ("/runs", lambda: steps.listed_runs(context, services, 1)),
        "run": (f"/runs/{newest}", lambda: steps.run_page(context, newest)),
        "run, one scenario": (
            f"/runs/{newest}#{anchor(SLOWER)}",  # opens it, which loads the piece that draws the chart
            lambda: steps.run_scenario(context, newest, SLOWER),
        ),
        "compare": (
            f"/compare?run={newest}&with={other}",
            lambda: steps.compare_page(context, newest, other, "", ""),
        ),
    }


def _took_ms(read: Callable[[], object]) -> tuple[float, float]:
    """How long reading takes, and how long a CPU works on it."""
    began, worked = time.perf_counter(), time.process_time()
    read()
    return (time.perf_counter() - began) * 1e3, (time.process_time() - worked) * 1e3


@contextmanager
def _api_server(var: Path) -> Iterator[str]:
    """An API server of Airflow whose pages show a folder; the address of the pages."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    environment = AirflowProcess.within(var).environment
    environment |= {"AIRFLOW__API__BASE_URL": address, "AIRFLOW__API__PORT": str(port)}
    airflow = shutil.which("airflow", path=str(Path(sys.executable).parent))
    if airflow is None:
        raise SystemExit(f"There is no airflow next to {sys.executable}.")
    quiet = {"env": environment, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    subprocess.run([airflow, "db", "migrate"], check=True, **quiet)
    server = subprocess.Popen([airflow, "api-server", "--workers", "1", "--port", str(port)], **quiet)
    try:
        end = time.monotonic() + _MAX_START_S
        while time.monotonic() < end and server.poll() is None:
            time.sleep(1)
            with suppress(URLError, OSError), urlopen(f"{address}/performance/static/pages.css", timeout=_MAX_START_S):
                break
        else:
            raise SystemExit(f"The API server did not start within {_MAX_START_S} s.")
        yield f"{address}/performance"
    finally:
        end_process(server)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
