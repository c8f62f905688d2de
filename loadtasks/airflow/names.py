"""The names by which runs, verdicts and pages are found from Airflow. It is light: plugins and DAG files import it."""

from urllib.parse import urlsplit

from airflow.sdk.configuration import conf

from loadtasks.airflow import DAG_ID, PAGES
from loadtasks.service_name import slug


def run_id_of(dag_id: str, dag_run_id: str) -> str:
    """The id of the run that a DAG run makes: the same for a retried or cleared task.

    Two DAGs of one schedule have DAG runs of the same id: the run of any but the default DAG has its DAG's name, too.
    """
    from loadtasks.results.run import run_id_from  # noqa: PLC0415 - Airflow's processes all import plugins

    return run_id_from(dag_run_id if dag_id == DAG_ID else f"{dag_id}.{dag_run_id}")


def verdict_asset(service: str, verdict: str) -> str:
    """The URI, and name, of the asset that has an event for each run of a service with this verdict.

    `Asset(verdict_asset("shop", "regressed"))` is `Asset("performance://shop/regressed")`; either can be written in a
    DAG file. The verdicts are `pass`, `fail`, `regressed`, `improved` and `invalid`.
    """
    return f"performance://{slug(service)}/{verdict}"


def pages_path() -> str:
    """Where the pages are: a path below that of Airflow, since an API server may have several addresses."""
    return urlsplit(_base_url()).path.rstrip("/") + PAGES


def pages_url() -> str | None:
    """The address of the pages, below that of Airflow; None where Airflow has none."""
    base = _base_url().rstrip("/")
    return f"{base}{PAGES}" if base.startswith(("http://", "https://")) else None


def _base_url() -> str:
    return str(conf.get("api", "base_url", fallback=""))
