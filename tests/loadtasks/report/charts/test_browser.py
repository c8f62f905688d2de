"""Charts in a page: what the page holds, and that a browser draws it, reads it and zooms into it, all by itself."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

import loadtasks.report
from loadtasks.report.charts import browser, drawing, phase_stack, run_history
from tests.loadtasks.report.charts.histories import EVIL, RUNS, history, phases
from tests.loadtasks.report.pages import parse

_STATIC = Path(loadtasks.report.__file__).parent / "pages" / "static"
_POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; base-uri 'none'"
_USER = """
const seen = { troubles: [] };
addEventListener("securitypolicyviolation", (event) => seen.troubles.push(event.violatedDirective));
addEventListener("error", (event) => seen.troubles.push(event.message));
addEventListener("unhandledrejection", (event) => seen.troubles.push(String(event.reason)));
const wait = () => new Promise((resolve) => setTimeout(resolve, 500));
const until = async (found) => { for (let n = 0; n < 30 && !found(); n++) await wait(); };
const shown = () => document.querySelector(".chart path[stroke-width='1.75']").getAttribute("d").match(/[ML]/g).length;
HTMLAnchorElement.prototype.dispatchEvent = function () { seen.ledTo = this.href; };
const move = (target, type, x, y) => target.dispatchEvent(
  new PointerEvent(type, { bubbles: true, clientX: x, clientY: y, button: 0, buttons: 1, pointerType: "mouse" }));
addEventListener("load", async () => {
  const drawings = () => document.querySelectorAll(".chart-drawing svg");
  await until(() => drawings().length === 2);
  await wait();
  const svg = drawings()[0];
  const box = svg.getBoundingClientRect();
  const at = (share) => [box.left + box.width * share, box.top + box.height * 0.5];
  const point = document.elementFromPoint(...at(0.19));
  move(point, "pointermove", ...at(0.19));
  seen.tip = [...document.querySelectorAll(".chart-tip p")].map((row) => row.innerText);
  seen.line = svg.parentElement.querySelector(".chart-line").offsetHeight;
  const [mark] = [...svg.querySelectorAll("path[fill='var(--regressed)']")].slice(-1);
  const place = mark.getBoundingClientRect();
  const centre = [place.left + place.width / 2, place.top + place.height / 2];
  for (const [name, away] of [["leads", 5], ["leadsAside", 40]]) {
    move(document.elementFromPoint(centre[0], centre[1] + away), "pointermove", centre[0], centre[1] + away);
    seen[name] = svg.parentElement.classList.contains("leads");
  }
  move(mark, "pointerdown", ...centre);
  move(mark, "pointerup", ...centre);
  move(mark, "click", ...centre);
  await wait();
  seen.images = document.images.length;
  seen.label = document.querySelector(".chart-drawing").getAttribute("aria-label");
  seen.before = shown();
  move(document.elementFromPoint(...at(0.4)), "pointerdown", ...at(0.4));
  for (const share of [0.45, 0.5, 0.55, 0.6]) { move(window, "pointermove", ...at(share)); await wait(); }
  move(window, "pointerup", ...at(0.6));
  await wait();
  seen.zoomed = shown();
  seen.buttons = [...document.querySelectorAll(".chart-whole")].map((button) => button.hidden);
  document.querySelector(".chart-whole").click();
  await wait();
  seen.after = shown();
  seen.requests = performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname).sort();
  document.body.replaceChildren(document.createElement("pre"));
  document.querySelector("pre").textContent = JSON.stringify(seen);
});
"""


@contextmanager
def _served(files: dict[str, bytes]) -> Iterator[str]:
    """A site of these files, under the policy of our pages."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            content = files.get(self.path)
            self.send_response(404 if content is None else 200)
            kinds = {"js": "text/javascript", "css": "text/css"}
            self.send_header("Content-Type", kinds.get(self.path.rpartition(".")[2], "text/html; charset=utf-8"))
            self.send_header("Content-Security-Policy", _POLICY)
            self.end_headers()
            self.wfile.write(content or b"")

        def log_message(self, *arguments: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def test_a_specification_cannot_leave_its_element() -> None:
    chart = {"title": "</script><script>alert(1)</script><!--", "text": "\N{LINE SEPARATOR}&amp;"}
    element = browser.chart_element(chart, zoom_group='"><b>')
    page = parse(element)
    assert element.count("<") == 4
    assert page.one("div").attributes["data-zoom-group"] == '"><b>'
    assert json.loads(page.one("script").text) == chart


def test_the_bundle_is_made_once_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str | None] = ["one", "another"]
    monkeypatch.setattr(drawing, "javascript_bundle", lambda: made.pop(0))
    browser.bundle.cache_clear()
    first = browser.bundle(tmp_path / "cache")
    assert first.content == b"one"
    browser.bundle.cache_clear()
    assert browser.bundle(tmp_path / "cache") == first
    browser.bundle.cache_clear()
    (tmp_path / "file").touch()
    assert browser.bundle(tmp_path / "file").name != first.name
    browser.bundle.cache_clear()


def test_where_the_bundle_cannot_be_made_it_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "javascript_bundle", lambda: None)
    browser.bundle.cache_clear()
    with pytest.raises(RuntimeError, match="vl-convert doesn't run on this machine"):
        browser.bundle(tmp_path)


def test_a_browser_draws_reads_and_zooms_without_asking_anybody(
    browse: Callable[[Path | str], str], tmp_path: Path
) -> None:
    browser.bundle.cache_clear()
    bundle = browser.bundle(tmp_path)
    charts = [run_history.specification(history()), phase_stack.specification(phases())]
    elements = "".join(browser.chart_element(chart, zoom_group="runs") for chart in charts)
    files = {
        f"/{bundle.name}": bundle.content,
        "/charts.js": (_STATIC / "charts.js").read_bytes(),
        "/charts.css": (_STATIC / "charts.css").read_bytes(),
        "/user.js": _USER.encode(),
        "/": f"""<!doctype html><html lang="en"><meta charset="utf-8"><title>Charts</title>
            <link rel="stylesheet" href="charts.css"><script src="user.js"></script>
            <script src="{bundle.name}" defer></script><script src="charts.js" defer></script>
            <body>{elements}</body></html>""".encode(),
    }
    with _served(files) as address:
        seen = json.loads(parse(browse(f"{address}/")).one("pre").text)
    assert seen["troubles"] == []
    assert seen["requests"] == sorted([*set(files) - {"/"}])
    assert seen["images"] == 0
    assert seen["label"].startswith(f"p95 of shop / {EVIL} over 40 runs")
    assert f"{EVIL}{EVIL}" in "".join(seen["tip"]).replace("\n", "")
    assert any(row.startswith("verdict") and "? invalid" in row for row in seen["tip"])
    assert seen["line"] == run_history.HEIGHT
    assert (seen["leads"], seen["leadsAside"]) == (True, False)
    assert seen["ledTo"].endswith(f"/performance/runs/run-{RUNS - 1}")
    assert seen["before"] == seen["after"] > RUNS - 5
    assert 5 < seen["zoomed"] < 20
    assert seen["buttons"] == [False, False]
