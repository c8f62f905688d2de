#!/bin/sh
# Entry point of the Airflow image: `init` prepares the metadata, everything else is an airflow command.
set -eu
case ${1:-} in
init)
  airflow db migrate
  airflow pools set load_generator 1 "One scenario at a time: two would disturb each other"
  echo
  echo "Airflow   ${AIRFLOW__API__BASE_URL}   user ${AIRFLOW_USER}, password: AIRFLOW_PASSWORD in .env"
  ;;
api-server)
  # The accounts of Airflow's simple auth manager are read from a file.
  umask 077
  python -c 'import json, os; print(json.dumps({os.environ["AIRFLOW_USER"]: os.environ["AIRFLOW_PASSWORD"]}))' \
    >"$AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE"
  exec airflow "$@"
  ;;
*)
  exec airflow "$@"
  ;;
esac
