#!/usr/bin/env bash
# Health check: http_ok.sh PORT PATH [WORDS [HOST]] succeeds when GET PATH returns 200 with WORDS in the body.
# In bash only, because a Python process every few seconds would disturb measurements on the same machine.
set -euo pipefail
port=$1 path=$2 words=${3:-} host=${4:-127.0.0.1}
exec 3<>"/dev/tcp/$host/$port"
printf 'GET %s HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$path" "$host" >&3
response=$(timeout 5 cat <&3)
[[ $response == HTTP/1.[01]\ 200* && $response == *"$words"* ]]
