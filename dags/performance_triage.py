"""Asks people about regressions, in Airflow's required actions."""

from loadtasks.airflow import triage_dag

performance_triage = triage_dag("performance_triage")
