"""The pipeline in Airflow: a DAG factory, connections, notifications, and reports in the UI.

This is the only package of loadtasks that imports airflow, and nothing else in loadtasks imports it. A DAG file needs
one line: `dag_factory.performance_dag(...)`. The names below are those under which the pipeline and Airflow find each
other.
"""

DAG_ID = "nightly_performance"
"""The DAG that the project ships, and whose readers may read the reports."""
LOAD_GENERATOR_POOL = "load_generator"
"""A pool of one slot: two scenarios driven at once would disturb each other's measurements."""
TARGET_CONNECTION = "performance_target"
"""HTTP connection: the API under test."""
REFERENCE_CONNECTION = "performance_reference"
"""HTTP connection: the approved build that the target is compared with in paired runs."""
SMTP_CONNECTION = "smtp_default"
"""SMTP connection: the mail server that sends alerts."""
RECIPIENTS_VARIABLE = "performance_recipients"
"""Airflow variable: who gets alerts."""
TRIAGE_DAG_ID = "performance_triage"
"""The DAG whose runs wait for people to decide about regressions, one run a regression."""
PAGES_PREFIX = "/performance"
"""The path of the pages, below that of Airflow."""
