"""The Airflow plugin: the pages, and the links to them in the menu, on every DAG, DAG run and task.

Every process of Airflow imports plugins, the scheduler and each task too. So the application, which takes a second to
import, is made where it is asked for: in the API server.
"""

from functools import cached_property
from typing import Any

from airflow.plugins_manager import AirflowPlugin

from loadtasks.airflow import PAGES
from loadtasks.airflow.names import pages_path


def _view(name: str, path: str, destination: str, route: str) -> dict[str, str]:
    base = pages_path()
    icons = {"icon": f"{base}/static/icon.svg", "icon_dark_mode": f"{base}/static/icon-dark.svg"}
    return {"name": name, "href": f"{base}{path}", "destination": destination, "url_route": route} | icons


class PerformancePages(AirflowPlugin):
    """What Airflow mounts and links to."""

    name = "performance_pages"
    external_views = [  # noqa: RUF012 - Airflow declares it as a list
        _view("Performance", "/", "nav", "performance"),
        _view("Performance", "/of?dag_id={DAG_ID}", "dag", "performance-dag"),
        _view("Performance", "/of?dag_id={DAG_ID}&dag_run_id={RUN_ID}", "dag_run", "performance-run"),
        _view("Performance", "/of?dag_id={DAG_ID}&dag_run_id={RUN_ID}", "task_instance", "performance-task"),
    ]

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The web application, and where it is mounted. The API server alone asks for it."""
        from loadtasks.airflow.pages.app import create_app  # noqa: PLC0415 - see above

        return [{"app": create_app(), "url_prefix": PAGES, "name": "Performance"}]
