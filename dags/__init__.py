"""The DAG files that Airflow reads: a few lines each over `loadtasks.airflow`."""
