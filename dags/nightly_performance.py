"""The nightly run against the API under test, at 02:00 UTC."""

from loadtasks.airflow import performance_dag

nightly_performance = performance_dag("nightly_performance", schedule="0 2 * * *")
