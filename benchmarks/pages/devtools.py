"""A headless Chromium that is driven by its DevTools protocol (https://chromedevtools.github.io/devtools-protocol)."""

import json
import shutil
import subprocess
import tempfile
import time
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from websocket import WebSocket, WebSocketTimeoutException, create_connection

WIDTH, HEIGHT = 1400, 900
_MAX_WAIT_S = 60.0
"""For anything that the browser does: a page that is never drawn must not hold up those after it."""
_MAX_END_S = 20.0
_STEP_S = 0.02


class NotDrawnError(Exception):
    """The browser did not get where it should within `_MAX_WAIT_S`."""


class Browser:
    """One page of a browser."""

    def __init__(self, script: str = "") -> None:
        """Say what runs in every page before its own scripts."""
        self._script = script
        self._numbers = iter(range(1, 1 << 31))

    def __enter__(self) -> Self:
        found = [shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")]
        if not any(found):
            raise SystemExit("There is no Chromium here; install chromium.")
        self._folder = tempfile.TemporaryDirectory(ignore_cleanup_errors=True)
        self._process = subprocess.Popen(
            [
                next(path for path in found if path),
                *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
                *("--remote-debugging-port=0", "--remote-allow-origins=*", f"--window-size={WIDTH},{HEIGHT}"),
                *(f"--user-data-dir={self._folder.name}", "about:blank"),
            ],
            stderr=subprocess.DEVNULL,  # a pipe that nobody reads is full one day, and then the browser waits for ever
        )
        try:
            self._socket = self._connect()
        except BaseException:
            self._end()
            raise
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=self._script)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
        self._end()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol.

        Raises:
            NotDrawnError: the browser does not respond.
        """
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        end = time.monotonic() + _MAX_WAIT_S
        while (left_s := end - time.monotonic()) > 0:  # events of the page go on, so a limit of each is none
            self._socket.settimeout(left_s)
            try:
                message = json.loads(self._socket.recv())
            except WebSocketTimeoutException:
                break
            if message.get("id") == number:
                return dict(message.get("result", {}))
        raise NotDrawnError(f"the browser did not respond to {method} within {_MAX_WAIT_S:.0f} s")

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return result.get("result", {}).get("value")

    def open(self, address: str, until: str, expression: str = "null") -> Any:
        """Open a page, wait until an expression is true of it, and return the value of another one.

        Raises:
            NotDrawnError: the expression stays false.
        """
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        ready = f"document.readyState === 'complete' && location.href !== 'about:blank' && {until}"
        end = time.monotonic() + _MAX_WAIT_S
        while self.evaluate(ready) is not True:
            if time.monotonic() > end:
                raise NotDrawnError(f"{address} was not drawn within {_MAX_WAIT_S:.0f} s")
            time.sleep(_STEP_S)
        return self.evaluate(expression)

    def _connect(self) -> WebSocket:
        found = Path(self._folder.name, "DevToolsActivePort")
        end = time.monotonic() + _MAX_WAIT_S
        while not (found.exists() and found.read_text().count("\n")):
            if self._process.poll() is not None or time.monotonic() > end:
                raise NotDrawnError("Chromium did not start")
            time.sleep(_STEP_S)
        port = found.read_text().partition("\n")[0]
        with urlopen(f"http://127.0.0.1:{port}/json", timeout=_MAX_WAIT_S) as response:
            page = next(one for one in json.load(response) if one["type"] == "page")
        return create_connection(page["webSocketDebuggerUrl"], timeout=_MAX_WAIT_S)

    def _end(self) -> None:
        end_process(self._process)
        self._folder.cleanup()


def end_process(process: subprocess.Popen[bytes]) -> None:
    """End a process, in the hard way where it does not end by itself."""
    process.terminate()
    try:
        process.wait(_MAX_END_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
