#!/usr/bin/env bash
# Puts the suite that runs under load, or the one that GATEWAY_URLS, DATABASE_URL and ADMIN_TOKEN name.
# What follows are flags of `holdfast load`.
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"
trap_ends end_foreground

"$root/infrastructure/install.sh"
build --product holdfast
if [[ -z ${GATEWAY_URLS:-} ]]; then
    [[ -r $root/.run/env ]] || fail "the suite does not run; start it with: make start"
    # shellcheck source=/dev/null
    source "$root/.run/env"
fi
cd "$root"
exec "$holdfast" load "$@"
