"""Every page driven in headless Chromium, as a user with a log-in does, under a real scheduler; pictures for the docs.

    python -m benchmarks.pages.pictures NEW_FOLDER [PICTURES]

NEW_FOLDER becomes the results folder of an Airflow of its own, with the history of `stored_services`; one that has a
history already is taken as it is. The user logs in, triggers a run with the form and watches it, opens every page,
points at a run, zooms, compares two runs, acknowledges a regression on its page and accepts another in Required
actions. What is done is checked as it is done, and printed. The pictures (light and dark, 1400 and 375 pixels wide) go
to PICTURES, else to NEW_FOLDER/pictures.

Needs Chromium, and some five minutes. Ends with 1 where something isn't as it should be.
"""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from benchmarks.pages import stored_services
from loadtasks.results.regression import Regression, RegressionState
from loadtasks.results.store import Store
from scripts import PROJECT

_RUNS, _JUDGED = 60, 16
_SIZES = {"desktop": (1400, 900), "phone": (375, 812)}
_THEMES = ("light", "dark")
_DAG = "nightly_performance"
_SCENARIO = "dashboard.concurrent"
_UP_TIMEOUT_S = 240
_WAIT_S = 300
_PAGE_TIMEOUT_MS = 60_000
_SLOWER_SINCE = 12
"""So many runs before the last one, nothing was slow yet."""
_T = TypeVar("_T")


@dataclass
class Tour:
    """One user's way through the pages."""

    browser: Browser
    url: str
    password: str
    results_url: str
    pictures: Path
    done: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)
    """Errors that the browser wrote to its console."""

    def take(self) -> None:
        """Do everything, in the order of a morning."""
        context = self._context("light", "desktop")
        page = context.new_page()
        self._log_in(page)
        dag_run = self._trigger(page)
        self._watch(page, dag_run)
        self._overview(page)
        self._scenario(page)
        self._compare(page)
        self._acknowledge(page)
        self._accept(page)
        context.close()
        self._photograph(dag_run)

    def _log_in(self, page: Page) -> None:
        page.goto(f"{self.url}/performance/")
        page.locator("input[name=username]").fill("admin")
        page.locator("input[name=password]").fill(self.password)
        page.get_by_role("button", name="Sign in").click()
        expect(page.get_by_role("heading", name="Performance", exact=True)).to_be_visible()
        page.context.storage_state(path=self._state_file)
        self._say("the log-in leads back to the page that was asked for")

    def _trigger(self, page: Page) -> str:
        """Trigger a run of one scenario with the form. Returns the id of the DAG run."""
        page.goto(f"{self.url}/dags/nightly_performance")
        page.get_by_role("button", name="Trigger").first.click()
        form = page.get_by_role("dialog")
        form.get_by_role("button", name="What is measured").click()
        choice = form.locator("input[aria-autocomplete=list]").first
        choice.click()
        choice.press_sequentially(_SCENARIO)
        choice.press("Enter")
        expect(form.get_by_text(_SCENARIO, exact=True)).to_be_visible()
        self._take(page, "trigger")
        known = {run["dag_run_id"] for run in self._dag_runs(page, _DAG)}
        form.get_by_role("button", name="Trigger", exact=True).click()
        made = self._wait(
            lambda: [run["dag_run_id"] for run in self._dag_runs(page, _DAG) if run["dag_run_id"] not in known],
            "a DAG run",
        )
        self._say("a run was triggered with the form")
        return made[0]

    def _watch(self, page: Page, dag_run: str) -> None:
        """Watch the run on its page until it is judged."""
        address = f"{self.url}/performance/of?dag_id=nightly_performance&dag_run_id={quote(dag_run)}"
        page.goto(address)
        expect(page.get_by_role("heading").first).to_be_visible()
        self._take(page, "run-under-way")
        self._wait(lambda: self._state(page, dag_run) in ("success", "failed"), "the end of the run")
        page.goto(address)
        expect(page.get_by_role("link", name=_SCENARIO).first).to_be_visible()
        self._say(f"the run ended as {self._state(page, dag_run)}, and its page shows {_SCENARIO}")

    def _overview(self, page: Page) -> None:
        page.goto(f"{self.url}/plugin/performance")
        pages = page.frame_locator("iframe")
        expect(pages.get_by_role("heading", name="Open regressions (2)")).to_be_visible()
        pages.get_by_label("find").fill(stored_services.SLOWER)
        expect(pages.locator("#scenarios tbody tr:visible")).to_have_count(3)
        pages.get_by_label("find").fill("")
        self._say("the overview opens within Airflow and filters scenarios")

    def _scenario(self, page: Page) -> None:
        page.goto(f"{self.url}/performance/scenario?service=shop&scenario={stored_services.SLOWER}")
        chart = page.locator(".chart svg").first
        expect(chart).to_be_visible()
        box = chart.bounding_box()
        if box is None:
            raise AssertionError("the chart has no size")
        tip = page.locator(".chart-tip")
        middle = box["y"] + box["height"] * 0.5
        for step in range(60):  # over the line, until it reaches a point
            page.mouse.move(box["x"] + box["width"] * (0.3 + step * 0.01), middle)
            if tip.is_visible():
                break
        expect(tip).to_be_visible()
        self._say(f"pointing at a run tells it: {tip.inner_text().splitlines()[0]}")
        page.mouse.move(box["x"] + box["width"] * 0.6, middle)
        page.mouse.down()
        page.mouse.move(box["x"] + box["width"] * 0.9, middle, steps=12)
        page.mouse.up()
        whole = page.get_by_role("button", name="Show all runs").first
        expect(whole).to_be_visible()
        self._take(page, "zoomed")
        whole.click()
        self._say("dragging zooms, and a button shows all runs again")

    def _compare(self, page: Page) -> None:
        first, second = self._newest("shop")
        page.goto(f"{self.url}/performance/compare?run={first}&with={second}")
        expect(page.get_by_role("heading").first).to_be_visible()
        expect(page.locator("main table").first).to_be_visible()
        self._say("two runs are compared")

    def _acknowledge(self, page: Page) -> None:
        number = self._open_regression(stored_services.FAILING)
        page.goto(f"{self.url}/performance/regressions/{number}")
        page.locator("summary", has_text="Acknowledge").click()
        page.get_by_label("Reason").fill("The payment provider answers 503; ticket 4711")
        self._take(page, "deciding")
        page.get_by_role("button", name="Acknowledge", exact=True).click()
        expect(page.get_by_text("no longer fail")).to_be_visible()
        self._seen(number, RegressionState.ACKNOWLEDGED, "admin", "page")

    def _accept(self, page: Page) -> None:
        number = self._open_regression(stored_services.SLOWER)
        page.goto(f"{self.url}/required_actions")
        page.get_by_role("link", name=re.compile(stored_services.SLOWER)).first.click()
        page.locator("input[name=element_reason]").fill("The new query is worth it")
        self._take(page, "required-action")
        page.get_by_role("button", name="accept", exact=True).click()
        self._wait(lambda: self._regression(number).state is RegressionState.ACCEPTED, "the decision to be applied")
        self._seen(number, RegressionState.ACCEPTED, "admin", "required action")
        page.goto(f"{self.url}/performance/regressions/{number}")
        expect(page.get_by_text("The new query is worth it")).to_be_visible()

    def _photograph(self, dag_run: str) -> None:
        """Every page in both themes and sizes."""
        first, second = self._newest("shop")
        pages = {
            "overview": "/performance/",
            "scenario": f"/performance/scenario?service=shop&scenario={stored_services.SLOWER}",
            "run": f"/performance/runs/{second}",
            "runs": "/performance/runs?service=shop",
            "compare": f"/performance/compare?run={first}&with={second}",
            "regressions": "/performance/regressions?ended=yes",
            "regression": f"/performance/regressions/{self._any_regression(stored_services.SLOWER)}",
            "within-airflow": "/plugin/performance",
            "dag-run-tab": f"/dags/nightly_performance/runs/{dag_run}/plugin/performance-run",
        }
        state = self._state_file
        for theme in _THEMES:
            for size in _SIZES:
                context = self._context(theme, size, state)
                page = context.new_page()
                page.on("console", self._listen)
                for name, path in pages.items():
                    page.goto(f"{self.url}{path}")
                    page.wait_for_load_state("networkidle")
                    for chart in page.locator(".chart").all():
                        expect(chart.locator("svg").first).to_be_visible()
                    page.screenshot(path=self.pictures / f"{name}-{theme}-{size}.png", full_page=True)
                context.close()
        if self.complaints:
            raise AssertionError(f"the browser complains: {self.complaints[:3]}")
        self._say(f"{len(pages)} pages in two themes and two sizes: {self.pictures}")

    def _context(self, theme: str, size: str, state: Path | None = None) -> BrowserContext:
        width, height = _SIZES[size]
        context = self.browser.new_context(
            viewport={"width": width, "height": height},
            color_scheme="dark" if theme == "dark" else "light",
            storage_state=state,
        )
        context.set_default_timeout(_PAGE_TIMEOUT_MS)
        return context

    @property
    def _state_file(self) -> Path:
        """Where the log-in is kept for later contexts of the browser."""
        return self.pictures / ".log-in.json"

    def _listen(self, message: ConsoleMessage) -> None:
        if message.type == "error":
            self.complaints.append(f"{message.text} ({message.location.get('url')})")

    def _take(self, page: Page, name: str) -> None:
        page.screenshot(path=self.pictures / f"{name}.png")

    def _say(self, what: str) -> None:
        self.done.append(what)
        print(f"seen: {what}", flush=True)

    def _wait(self, found: Callable[[], _T], what: str) -> _T:
        deadline = time.monotonic() + _WAIT_S
        while not (value := found()):
            if time.monotonic() > deadline:
                raise AssertionError(f"waited {_WAIT_S} s in vain for {what}")
            time.sleep(1)
        return value

    def _dag_runs(self, page: Page, dag_id: str) -> list[dict[str, str]]:
        response = page.request.get(f"{self.url}/api/v2/dags/{dag_id}/dagRuns?order_by=-run_after&limit=20")
        return list(response.json()["dag_runs"])

    def _state(self, page: Page, dag_run: str) -> str:
        runs = self._dag_runs(page, _DAG)
        return next((run["state"] for run in runs if run["dag_run_id"] == dag_run), "")

    def _newest(self, service: str) -> tuple[str, str]:
        """The two runs of the made history that were opened last, the older one first."""
        with Store.open(self.results_url) as store:
            known = [run_id for run_id in store.run_ids(service) if run_id.startswith(f"{service}-")]
        return known[_SLOWER_SINCE], known[0]

    def _regression(self, number: int) -> Regression:
        with Store.open(self.results_url) as store:
            return store.regressions.find(number)

    def _any_regression(self, scenario: str) -> int:
        with Store.open(self.results_url) as store:
            return next(one.id for one in store.regressions.all("shop") if one.scenario == scenario)

    def _open_regression(self, scenario: str) -> int:
        number = self._any_regression(scenario)
        if self._regression(number).state is not RegressionState.OPEN:
            raise AssertionError(f"regression {number} is not open")
        return number

    def _seen(self, number: int, state: RegressionState, who: str, place: str) -> None:
        move = self._regression(number).moves[-1]
        if (move.state, move.who, move.place.value) != (state, who, place):
            raise AssertionError(f"regression {number} is {move}, not {state} by {who} ({place})")
        self._say(f"regression {number} was {state} by {who} ({place}): {move.why}")


@contextmanager
def airflow(var: Path) -> Iterator[tuple[str, str]]:
    """An Airflow with a log-in on free ports, as `make airflow` starts it. Yields its address and admin's password."""
    ui, api = _free_port(), _free_port()
    own = {
        "LOADTASKS_VAR": str(var),
        "LOADTASKS_SERVICE": "shop",
        "AIRFLOW_PORT": str(ui),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "False",
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": "admin:admin,viewer:viewer",
    }
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "LOADTASKS_"))}
    command = f"source scripts/airflow.env && exec {sys.executable} -m scripts.airflow_up --port {api}"
    with (var / "airflow_up.log").open("wb") as log:
        process = subprocess.Popen(["bash", "-c", command], cwd=PROJECT, env=clean | own, stdout=log, stderr=log)
        try:
            _wait_until_up(f"http://127.0.0.1:{ui}/api/v2/monitor/health", process)
            passwords = json.loads((var / "airflow" / "simple_auth_manager_passwords.json.generated").read_text())
            yield f"http://127.0.0.1:{ui}", passwords["admin"]
        finally:
            process.send_signal(signal.SIGINT)
            process.wait()


def main(new: Path, pictures: Path | None = None) -> int:
    """Make the history, start Airflow, and take the tour. Returns the exit code."""
    if not (new / "results.db").exists():
        stored_services.main(new, _RUNS, _JUDGED)
    expect.set_options(timeout=_PAGE_TIMEOUT_MS)
    chosen = (pictures or new / "pictures").absolute()
    chosen.mkdir(parents=True, exist_ok=True)
    chromium = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    with airflow(new.absolute()) as (url, password), sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        tour = Tour(browser, url, password, f"sqlite:///{new.absolute() / 'results.db'}", chosen)
        try:
            tour.take()
        except AssertionError as error:
            print(error, file=sys.stderr)
            return 1
        finally:
            (chosen / ".log-in.json").unlink(missing_ok=True)
            browser.close()
    return 0


def _wait_until_up(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _UP_TIMEOUT_S
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                parts = json.load(response)
            if parts["dag_processor"]["status"] == parts["scheduler"]["status"] == "healthy":
                return
        except (OSError, ValueError):
            pass
        time.sleep(1)
    raise AssertionError("Airflow did not start; airflow_up.log says why")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
