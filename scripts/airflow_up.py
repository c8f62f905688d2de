"""`make airflow`: Airflow with its UI and scheduler, and the API, until Ctrl-C.

Everything listens on 127.0.0.1 only: in the UI everybody is an administrator without a password.
"""
# ruff: noqa: T201 - it writes to a terminal

from __future__ import annotations

import argparse
import os
import sys
import time

from loadtasks.airflow import DAG_ID
from loadtasks.breakage import report_breakage
from loadtasks.errors import BadInputError
from loadtasks.settings import Settings, read_settings
from scripts import CannotStartError, Interruption
from scripts.airflow_local import airflow_command, exclusive_use, prepare
from scripts.services import Services, check_port_is_free
from scripts.shipped_api import SERVICE, ApiInstance, ShippedApi, database_url

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
    api = ShippedApi.start(services, ApiInstance(database_url=database_url(settings.var), port=port))
    ui = f"http://127.0.0.1:{ui_port}"
    environment = {"LOADTASKS_TARGET": api.url, "LOADTASKS_TOKEN": api.token}
    environment |= {"LOADTASKS_SERVICE": settings.service or SERVICE}
    environment |= {"LOADTASKS_REPORTS_URL": settings.reports_url or f"{ui}/performance-reports"}
    for name, arguments in COMPONENTS.items():
        services.start(name, airflow_command(*arguments), environment=environment)
    services.wait_until_ready("airflow-api-server", f"{ui}/api/v2/monitor/health", _UI_TIMEOUT_S)
    print(
        f"Airflow UI  {ui}/dags/{DAG_ID}  (no log-in: you are the administrator, and only this machine "
        "can reach it)\n"
        f"API         {api.url}\n"
        f"Trigger     scripts/airflow.sh dags trigger {DAG_ID}, or the button in the UI\n"
        f"Logs        {services.logs}\n"
        "Ctrl-C stops it all.",
        flush=True,
    )
    while (ended := services.ended()) is None:
        time.sleep(1)
    raise CannotStartError(f"{ended} ended by itself, so the rest was stopped; its log is {services.log_of(ended)}")


if __name__ == "__main__":
    sys.exit(main())
