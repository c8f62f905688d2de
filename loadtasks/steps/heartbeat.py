"""A sign of life after each run, for a monitor elsewhere that notices when none comes."""

import logging
import threading
from urllib.parse import urlsplit

from loadtasks.settings import Settings, variable

log = logging.getLogger(__name__)

_TIMEOUT_S = 5.0
"""How long a connection, and a response's next bytes, may take."""
_MAX_S = 15.0
"""How long all of it may take."""
_SUCCESS = range(200, 300)


def send_heartbeat(settings: Settings) -> bool:
    """Request `LOADTASKS_HEARTBEAT_URL`, where there is one, by GET. Returns whether it took the request.

    It never fails a run: what goes wrong is a warning, which shows the host and nothing else of the URL, since its path
    is a secret. A redirect is not followed.
    """
    if settings.heartbeat_url is None:
        return False
    url = settings.heartbeat_url.get_secret_value()
    problems = ["took too long"]

    def request() -> None:
        problems[:] = _problem(url)

    requesting = threading.Thread(target=request, daemon=True)  # a response that drips has no end of its own
    requesting.start()
    requesting.join(_MAX_S)
    if problems:
        where = f"{urlsplit(url).hostname} of {variable('heartbeat_url')}"
        log.warning("The monitor %s did not take the heartbeat: it %s", where, problems[0])
    return not problems


def _problem(url: str) -> list[str]:
    """Why the monitor did not take the request, as a clause; empty where it did."""
    import requests  # noqa: PLC0415 - most runs have no monitor

    try:
        with requests.get(url, timeout=_TIMEOUT_S, allow_redirects=False, stream=True) as response:
            status = response.status_code
    except requests.Timeout:
        return ["did not respond in time"]
    except requests.RequestException as error:  # its text has the path of the URL
        return [f"can't be reached ({type(error).__name__})"]
    return [] if status in _SUCCESS else [f"responded {status}"]
