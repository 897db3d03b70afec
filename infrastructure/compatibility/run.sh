#!/usr/bin/env bash
# Drives `holdfast broker` from outside with kcat and PyPI's Kafka clients. Arguments go to unittest.
# ROUNDS=50 makes as many crash rounds (default 3), FUZZ_FRAMES=N sends so many broken frames;
# HOLDFAST_EXECUTABLE names the executable, PYTHON another interpreter of version 3.10 or later.
set -euo pipefail

directory=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$directory/../.." && pwd -P)
# shellcheck source=infrastructure/lib/python.sh
source "$directory/../lib/python.sh"

make_venv venv "$directory/requirements.txt"
cd "$directory"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
exec "$venv/bin/python" run.py "$@" </dev/null
