"""Imports what the pipeline's tasks import, for a worker that forks a process for each task: then it is there already.

`WarmLocalExecutor` imports this. So do the workers of Celery, where it stands in their settings, as in
docker-compose.yml:

    AIRFLOW__CELERY__EXTRA_CELERY_CONFIG='{"imports": ["loadtasks.airflow.preloaded"]}'

Great Expectations is not among it: one task of a run needs its 150 MB.
"""

import airflow.dag_processing.dagbag
import airflow.sdk.execution_time.task_runner  # noqa: F401 - each task's process imports these two of Airflow's

from loadtasks.airflow import dag_factory
from loadtasks.airflow.bodies import judging, measuring, opening, telling

__all__ = ["dag_factory", "judging", "measuring", "opening", "telling"]
