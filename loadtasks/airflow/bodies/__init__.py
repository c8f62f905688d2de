"""What each task does: call functions of `loadtasks.steps` with what Airflow knows.

All of this can be done without Airflow by `python -m loadtasks`. These modules import the pipeline, so that `tasks`
imports them when a task runs.
"""
