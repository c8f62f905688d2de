"""A headless Chromium that is driven by its DevTools protocol (https://chromedevtools.github.io/devtools-protocol)."""

import json
import shutil
import subprocess
import tempfile
import time
from types import TracebackType
from typing import Any, Self
from urllib.request import urlopen

from websocket import WebSocket, create_connection

WIDTH, HEIGHT = 1400, 900
_MAX_WAIT_S = 60.0
_STEP_S = 0.02


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
            stderr=subprocess.PIPE,
            text=True,
        )
        self._socket = self._connect()
        for domain in ("Page", "Runtime"):
            self.call(f"{domain}.enable")
        self.call("Page.addScriptToEvaluateOnNewDocument", source=self._script)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait()
        self._folder.cleanup()

    def call(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Call a method of the protocol."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        while True:
            message = json.loads(self._socket.recv())
            if message.get("id") == number:
                return dict(message.get("result", {}))

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in the page."""
        result = self.call("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        return result.get("result", {}).get("value")

    def open(self, address: str, until: str, expression: str = "null") -> Any:
        """Open a page, wait until an expression is true of it, and return the value of another one."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)
        ready = f"document.readyState === 'complete' && location.href !== 'about:blank' && {until}"
        end = time.monotonic() + _MAX_WAIT_S
        while self.evaluate(ready) is not True and time.monotonic() < end:
            time.sleep(_STEP_S)
        return self.evaluate(expression)

    def _connect(self) -> WebSocket:
        port = ""
        for line in self._process.stderr or ():
            if "DevTools listening" in line:
                port = line.partition("127.0.0.1:")[2].partition("/")[0]
                break
        with urlopen(f"http://127.0.0.1:{port}/json") as response:
            page = next(one for one in json.load(response) if one["type"] == "page")
        return create_connection(page["webSocketDebuggerUrl"], timeout=_MAX_WAIT_S)
