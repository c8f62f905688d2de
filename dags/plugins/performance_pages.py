"""Registers the plugin that shows the pages in the Airflow UI."""

from loadtasks.airflow.pages.plugin import PerformancePages

__all__ = ["PerformancePages"]
