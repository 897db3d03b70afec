#!/usr/bin/env bash
# Lives SEEDS random lives of the suite in memory, from FIRST_SEED on, and checks them. VARIANT breaks
# the suite in one place and looks for the seed that shows it; TRACE=true prints what happens.
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"
trap_ends end_foreground

"$root/infrastructure/install.sh"
build --product holdfast
exec "$holdfast" simulate
