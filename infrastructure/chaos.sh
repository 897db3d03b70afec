#!/usr/bin/env bash
# Two instances of everything, servers included, under load and under fire; then everything is compared.
# MINUTES=n says how long, SEED=k repeats the faults of an earlier run.
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"

minutes=$(number MINUTES 5 1 10000)
[[ -z ${SEED:-} ]] || CHAOS_SEED=$(number SEED 1 1 999999999)
export CHAOS_SEED=${CHAOS_SEED:-}
export CHAOS_MINUTES=$minutes
# The live line goes to whoever watches, past `swift test`, which keeps what tests print.
CHAOS_PROGRESS=$root/.run/test/logs/tests.log
[[ ! -t 1 ]] || CHAOS_PROGRESS=/dev/tty
export CHAOS_PROGRESS
export FILTER='EndToEndTests.*/ChaosTests' TEST_DEADLINE=$((minutes * 120 + 1800))
exec "$directory/test.sh"
