#!/bin/sh
# Starts the API: tables, sample data in an empty database, the load tests' token, then the server.
set -eu
python -m app migrate
python -m app seed
python -m app token "load tests" --from-env LOADTASKS_TOKEN
exec python -m gunicorn -c app/gunicorn_conf.py app.wsgi:application
