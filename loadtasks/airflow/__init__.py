"""The pipeline in Airflow: a DAG factory, connections, notifications, and reports in the UI.

This is the only package of loadtasks that imports airflow, and nothing else in loadtasks imports it. A DAG file needs
one line: `dag_factory.performance_dag(...)`. The names below are those under which the pipeline and Airflow find each
other.
"""

DAG_ID = "nightly_performance"
"""The DAG that the project ships, and whose readers may read the reports."""
MAINTENANCE_DAG_ID = "performance_maintenance"
"""The shipped DAG that notices missing runs and cleans up."""
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
PAGES = "/performance"
"""Where the pages are, below Airflow's base path."""
START_REFERENCE_TASK = "start_reference"
"""The set-up task of a DAG that starts its reference; what it returns is the reference's address."""
VERDICT_TASK = "verdict"
"""The last task of a run. Its XCom `return_value` holds run id, verdict and sentence."""
VERDICTS = "performance"
"""The asset alias of every verdict: a DAG that waits for it runs after each run of any service."""
