"""`triage_dag` makes the DAG that asks people about regressions. A DAG file calls it once and needs nothing else."""

from collections.abc import Sequence
from pathlib import Path

from airflow.sdk import DAG, Param

from loadtasks.airflow import TRIAGE_DAG_ID
from loadtasks.airflow.dag_factory import TAG
from loadtasks.airflow.decision_operator import REGRESSION, decision_task

MAX_OPEN_ACTIONS = 1_000
"""DAG runs that may wait at once: each open regression has one, and a run beyond these would wait unseen."""


def triage_dag(dag_id: str = TRIAGE_DAG_ID, *, owner: str = "performance", tags: Sequence[str] = (TAG,)) -> DAG:
    """The DAG whose runs wait in Airflow's required actions until a person decides about a regression.

    A run of `performance_dag` starts one for each open regression of its service. Whoever may edit this DAG may decide:
    give a service that others may not decide about one of its own, and name it in `performance_dag(triage=...)`.

    Args:
        dag_id: its name in Airflow.
        owner: who looks after the DAG.
        tags: what the DAG can be found by in the list of DAGs.
    """
    with DAG(
        dag_id=dag_id,
        description="Asks people about regressions: acknowledge, accept or dismiss",
        doc_md=Path(__file__).with_name("triage.md").read_text(encoding="utf-8"),
        schedule=None,
        catchup=False,
        max_active_runs=MAX_OPEN_ACTIONS,
        is_paused_upon_creation=False,
        default_args={"owner": owner},
        tags=list(tags),
        params={
            REGRESSION: Param(
                type="integer",
                minimum=1,
                title="Regression",
                description="Its id; python -m loadtasks regressions lists them.",
            ),
            "service": Param("", type="string", title="Service", description="Whose API it is; for the reader only."),
        },
    ) as dag:
        decision_task()
    return dag
