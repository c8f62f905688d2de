#!/usr/bin/env bash
# Any Airflow command with this project's settings: scripts/airflow.sh dags trigger nightly_performance
set -euo pipefail
here="$(dirname "${BASH_SOURCE[0]}")"
. "$here/airflow.env"
exec "$here/../.venv/bin/airflow" "$@"
