#!/bin/sh
# Starts the API: tables, sample data in an empty database, then the server.
set -eu
python -m app migrate
python -m app seed
exec python -m gunicorn -c app/gunicorn_conf.py app.wsgi:application
