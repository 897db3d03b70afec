#!/usr/bin/env bash
# Drives `holdfast broker` from outside with kcat and PyPI's Kafka clients. Arguments go to unittest.
# ROUNDS=50 makes as many crash rounds (default 3), FUZZ_FRAMES=N sends so many broken frames;
# HOLDFAST_EXECUTABLE names the executable, PYTHON another interpreter of version 3.10 or later.
set -euo pipefail

directory=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$directory/../.." && pwd -P)
venv=$root/.run/venv

fail() {
    printf 'compatibility: %s\n' "$*" >&2
    exit 1
}

# The clients are installed once for each state of requirements.txt.
install_clients() {
    local stamp
    stamp=$venv/requirements-$(sha256sum "$directory/requirements.txt" | cut -c 1-16)
    [[ ! -e $stamp ]] || return 0
    printf 'Installing the Kafka clients of PyPI into %s\n' "$venv"
    mkdir -p "$root/.run"
    "${PYTHON:-python3}" -m venv "$venv" \
        || fail "no virtual environment could be made; on Debian: apt-get install python3-venv"
    "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 5 \
        -r "$directory/requirements.txt" </dev/null || fail "pip could not install the clients"
    touch "$stamp"
}

mkdir -p "$root/.run"
exec 8>"$root/.run/venv.lock"
flock 8
install_clients
exec 8>&-
cd "$directory"
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
exec "$venv/bin/python" run.py "$@" </dev/null
