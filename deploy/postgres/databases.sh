#!/bin/bash
# Runs when PostgreSQL makes its data folder, and by hand to make what is missing: a database and a role each for the
# API, Airflow's metadata and the results.
# Encoding and locale are named, because C.UTF-8 sorts the same after an upgrade of the image's C library.
set -euo pipefail

make_database() {
  psql -v ON_ERROR_STOP=1 --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" \
    -v name="$1" -v password="$2" <<'SQL'
SELECT count(*) = 0 AS missing FROM pg_roles WHERE rolname = :'name' \gset
\if :missing
CREATE ROLE :"name" LOGIN PASSWORD :'password';
CREATE DATABASE :"name" OWNER :"name" TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C.UTF-8';
REVOKE ALL ON DATABASE :"name" FROM PUBLIC;
\endif
SQL
}

make_database api "$API_DB_PASSWORD"
make_database airflow "$AIRFLOW_DB_PASSWORD"
make_database results "$RESULTS_DB_PASSWORD"
