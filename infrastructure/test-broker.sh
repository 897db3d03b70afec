#!/usr/bin/env bash
# Builds, and drives the broker from outside: compatibility/run.sh with this checkout's executable.
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"

"$root/infrastructure/install.sh"
build --product holdfast
export HOLDFAST_EXECUTABLE=$holdfast
exec "$root/infrastructure/compatibility/run.sh" "$@"
