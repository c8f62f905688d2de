"""Which run of ours a DAG run of Airflow is."""

from loadtasks.airflow import DAG_ID
from loadtasks.results.run import Run, run_id_from


def run_id_of(dag_id: str, dag_run_id: str) -> str:
    """The id of the run that a DAG run makes: the same for a retried or cleared task.

    Two DAGs of one schedule have DAG runs of the same id: the run of any but the default DAG has its DAG's name, too.
    """
    return run_id_from(dag_run_id if dag_id == DAG_ID else f"{dag_id}.{dag_run_id}")


def dag_of(run: Run) -> str:
    """The DAG whose readers may read a run; the default one for runs of the command line and of earlier versions."""
    return run.dag_id or DAG_ID
