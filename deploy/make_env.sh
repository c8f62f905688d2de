#!/bin/sh
# Makes .env from deploy/env.example: a random value for every empty secret, and the load tests' token.
# An existing .env is left unchanged.
set -eu
cd "$(dirname "$0")/.."
if [ -e .env ]; then
  echo ".env exists and is left alone; remove it first to make a new one (with the volumes: they know the old passwords)." >&2
  exit 2
fi
if ! command -v openssl >/dev/null; then
  echo "There is no openssl here, which signs the token of the load tests; install it (Debian: apt-get install openssl)." >&2
  exit 2
fi
random() { head -c "$1" /dev/urandom | base64 | tr -d '\n' | tr '+/' "${2:-xy}"; }  # letters and digits
url_safe() { base64 | tr -d '=\n' | tr '+/' '-_'; }
token() {  # of "load tests", valid until it is revoked; as app/security/tokens.py makes them
  signed=$(printf '{"alg":"HS256","typ":"JWT"}' | url_safe).$(
    printf '{"sub":"load tests","scope":"read write load-test","iat":%s}' "$(date +%s)" | url_safe)
  echo "$signed.$(printf %s "$signed" | openssl dgst -sha256 -hmac "$1" -binary | url_safe)"
}
umask 077
secret_key=$(random 48)
while IFS= read -r line; do
  case $line in
  AIRFLOW_FERNET_KEY=) echo "$line$(random 32 -_)" ;;
  AIRFLOW_JWT_SECRET=) echo "$line$(random 48)" ;; # HS512 needs 64 characters
  APP_SECRET_KEY=) echo "$line$secret_key" ;;
  LOADTASKS_TOKEN=) echo "$line$(token "$secret_key")" ;;
  [A-Z]*=) echo "$line$(random 24)" ;;
  *) printf '%s\n' "$line" ;;
  esac
done <deploy/env.example >.env.new
mv .env.new .env
echo "Made .env (only you can read it). Next: docker compose up --build --detach"
