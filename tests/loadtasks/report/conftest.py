"""A browser, and the page of a bad run, which takes a while to draw."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from loadtasks.report import html
from tests.loadtasks.report import samples

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


@pytest.fixture(scope="session")
def bad_page() -> str:
    """The page of `samples.bad_run`."""
    return html.render(samples.bad_run(), data_docs=True)


@pytest.fixture
def browse(tmp_path: Path) -> Callable[[Path | str], str]:
    """Opens a file or an address in headless Chromium and returns the document as the browser understood it."""
    if CHROMIUM is None:
        if os.environ.get("CI"):
            pytest.fail("no Chromium here, and CI must look at the page in one")
        pytest.skip("no Chromium here: install chromium to look at the page in a browser")

    def read(page: Path | str) -> str:
        return subprocess.run(
            [
                str(CHROMIUM),
                *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
                *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
                f"--user-data-dir={tmp_path / 'browser'}",
                *("--enable-logging=stderr", "--dump-dom"),
                *(("--virtual-time-budget=20000", page) if isinstance(page, str) else (page.as_uri(),)),
            ],
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        ).stdout

    return read
