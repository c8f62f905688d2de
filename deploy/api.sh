#!/bin/sh
# The API's part of an image: `init` makes the tables and, in an empty database, sample data; `serve` serves.
set -eu
case ${1:-} in
init)
  python -m app migrate
  python -m app seed
  ;;
serve)
  exec python -m gunicorn -c app/gunicorn_conf.py app.wsgi:application
  ;;
*)
  echo "api.sh init | serve" >&2
  exit 2
  ;;
esac
