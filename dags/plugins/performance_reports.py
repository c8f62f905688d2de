"""Registers the plugin that shows reports in the Airflow UI."""

from loadtasks.airflow.reports_plugin import PerformanceReports

__all__ = ["PerformanceReports"]
