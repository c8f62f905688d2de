"""Asks people about regressions, in Airflow's required actions."""

from loadtasks.airflow.triage_dag import triage_dag

performance_triage = triage_dag("performance_triage")
