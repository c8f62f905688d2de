#!/usr/bin/env bash
# Run all load tests, or those named, against the API of --target (or LOADTASKS_TARGET):
#   scripts/run_load_tests.sh [SCENARIO ...] [--target URL] [--out DIR] ...
# Options and exit codes are those of `python -m loadtasks run`; docs/command_line.md has them.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
[ -x "$python" ] || python=python3
exec "$python" -m loadtasks run "$@"
