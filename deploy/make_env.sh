#!/bin/sh
# Makes .env from deploy/env.example, with a random value for every empty secret. An existing .env is left alone.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then
  echo ".env exists and is left alone; remove it first to make a new one (with the volumes: they know the old passwords)." >&2
  exit 2
fi
random() { head -c "$1" /dev/urandom | base64 | tr -d '\n' | tr '+/' "${2:-xy}"; }  # letters and digits
umask 077
while IFS= read -r line; do
  case $line in
  AIRFLOW_FERNET_KEY=) echo "$line$(random 32 -_)" ;;
  AIRFLOW_JWT_SECRET=) echo "$line$(random 48)" ;; # HS512 wants 64 characters
  [A-Z]*=) echo "$line$(random 24)" ;;
  *) printf '%s\n' "$line" ;;
  esac
done <deploy/env.example >.env.new
mv .env.new .env
echo "Made .env (only you can read it). Next: docker compose up --build --detach"
