"""`make airflow`: Airflow with its UI and scheduler, and the API, until Ctrl-C.

Everything listens on 127.0.0.1 only: in the UI everybody is an administrator without a password.
"""
# ruff: noqa: T201 - it writes to a terminal

from __future__ import annotations

import argparse
import os
import sys
import time
from dataclasses import dataclass
from datetime import datetime

from loadtasks.airflow import DAG_ID
from loadtasks.airflow.how_to_connect import CONNECTIONS, command, form
from loadtasks.breakage import report_breakage
from loadtasks.errors import BadInputError
from loadtasks.settings import Settings, read_settings
from loadtasks.streams import make_streams_steady
from scripts import PROJECT, CannotStartError, Interruption
from scripts.airflow_local import airflow_command, airflow_home, exclusive_use, prepare
from scripts.services import Services, check_port_is_free, responds
from scripts.shipped_api import SERVICE, ApiInstance, ShippedApi, database_url
from scripts.token_file import TokenFile

GOOD, BAD_INPUT = 0, 2
_UI_TIMEOUT_S = 180

# No log server for the scheduler: it would listen on all interfaces, and the UI reads the logs from the disk.
COMPONENTS = {
    "airflow-api-server": ("api-server",),
    "airflow-scheduler": ("scheduler", "--skip-serve-logs"),
    "airflow-dag-processor": ("dag-processor",),
}


def main() -> int:
    """Start everything, print where it listens, and wait for Ctrl-C. Returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8000, help="where the API is to listen")
    options = parser.parse_args()
    Interruption().install()
    settings = None
    try:
        settings = read_settings()
        with exclusive_use("make airflow"), Services(settings.var / "logs") as services:
            _serve(options.port, settings, services)
    except (CannotStartError, BadInputError) as error:
        print(error, file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("\nStopped.")
    except Exception as error:
        return report_breakage(error, settings.var if settings else None, settings.secrets if settings else ())
    return GOOD


def _serve(port: int, settings: Settings, services: Services) -> None:
    ui_port = int(os.environ["AIRFLOW_PORT"])
    check_port_is_free(ui_port, "the Airflow UI", "AIRFLOW_PORT")
    check_port_is_free(port, "the API", "API_PORT")
    prepare()
    print("Airflow is starting, which takes half a minute ...", flush=True)
    instance = ApiInstance(database_url=database_url(settings.var), port=port)
    token_file = TokenFile(airflow_home() / "api_token", instance.sign_token)
    api = ShippedApi.start(services, instance)
    if problem := token_file.renew_when_due():
        raise CannotStartError(problem)
    ui = f"http://127.0.0.1:{ui_port}"
    environment = {"LOADTASKS_TARGET": api.url, "LOADTASKS_TOKEN": "", "LOADTASKS_TOKEN_FILE": str(token_file.path)}
    environment |= {"LOADTASKS_SERVICE": settings.service or SERVICE}
    environment |= {"LOADTASKS_PAGES_URL": settings.pages_url or f"{ui}/performance"}
    for name, arguments in COMPONENTS.items():
        services.start(name, airflow_command(*arguments), environment=environment)
    services.wait_until_ready("airflow-api-server", f"{ui}/api/v2/monitor/health", _UI_TIMEOUT_S)
    print(
        f"Airflow UI  {ui}/dags/{DAG_ID}  (no log-in: you are the administrator, and only this machine "
        "can reach it)\n"
        f"API         {api.url}\n"
        f"Trigger     scripts/airflow.sh dags trigger {DAG_ID}, or the button in the UI\n"
        f"Logs        {services.logs}\n\n"
        f"{_connections(ui)}\n\n"
        "Ctrl-C stops it all.",
        flush=True,
    )
    watch = Watch(services, instance, token_file)
    while True:
        watch.look()
        time.sleep(1)


def _connections(ui: str) -> str:
    """What may be connected, and how."""
    lines = [
        "Without any connection the API above is exercised and mails are written to the folder outbox. To change that, "
        f"make a connection in the UI ({ui}/connections) or by its command:"
    ]
    for connection_id, hint in CONNECTIONS.items():
        lines += [
            "",
            f"  {connection_id}: {hint.purpose}",
            f"    {form(connection_id)}",
            f"    {command(connection_id, 'scripts/airflow.sh')}",
        ]
    return "\n".join(lines)


@dataclass
class Watch:
    """Looks after what runs: renews the token, says when the API is gone and back, and ends where Airflow has ended."""

    services: Services
    api: ApiInstance
    token_file: TokenFile
    _api_gone: bool = False

    def look(self) -> None:
        """Look once.

        Raises:
            CannotStartError: a process of Airflow ended by itself.
        """
        if problem := self.token_file.renew_when_due():
            _tell(f"The API's token can't be renewed, which is tried again in a minute: {problem}")
        if self._api_gone:
            if responds(f"{self.api.url}/healthz"):
                self._api_gone = False
                _tell("The API responds again.")
        elif self.api.name in self.services.running and (how := self.services.end_of(self.api.name)):
            self._api_gone = True
            self.services.forget(self.api.name)  # a later one is somebody else's
            _tell(
                f"The API at {self.api.url} ended by itself, {how}; its log is "
                f"{self.services.log_of(self.api.name)}. Airflow goes on: until the API is back, runs are invalid and "
                f"an alert is sent. To start it again, in another terminal: {_restart(self.api)}"
            )
        elif self.api.name not in self.services.running and not responds(f"{self.api.url}/healthz"):
            self._api_gone = True
            _tell(f"The API at {self.api.url} no longer responds: until it is back, runs are invalid.")
        if ended := self.services.ended():
            if ended == self.api.name:
                return  # in this moment; reported at the next look
            raise CannotStartError(
                f"{ended} ended by itself, so the rest was stopped; its log is {self.services.log_of(ended)}"
            )


def _restart(api: ApiInstance) -> str:
    """The command that starts the API alone, on the same database and with the key that signed the token."""
    usual = f"sqlite:///{PROJECT / 'var' / 'app' / 'app.db'}"
    of_its_own = "" if api.database_url == usual or "APP_DATABASE_URL" in os.environ else api.database_url
    return f"{f'APP_DATABASE_URL={of_its_own} ' if of_its_own else ''}make api API_PORT={api.port}"


def _tell(text: str) -> None:
    print(f"{datetime.now():%H:%M:%S}  {text}", flush=True)


if __name__ == "__main__":
    make_streams_steady()
    sys.exit(main())
