"""Registers the plugin that puts links on tasks and the verdict into the notes of runs."""

from loadtasks.airflow.dag_plugin import PerformanceDags

__all__ = ["PerformanceDags"]
