#!/usr/bin/env bash
# Runs every test with servers of its own, on free ports, and leaves nothing running.
# FILTER=Name runs only the tests whose name matches; TEST_WIDTH=N so many at once;
# TEST_DEADLINE=SECONDS bounds them all. `test.sh api` compares a gateway with its description, and no more.
# shellcheck disable=SC2317 # what a trap calls is reachable
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"
run=$root/.run/test
# shellcheck source=infrastructure/lib/processes.sh
source "$directory/lib/processes.sh"
# shellcheck source=infrastructure/lib/servers.sh
source "$directory/lib/servers.sh"

log=$run/logs/tests.log
deadline=$(number TEST_DEADLINE 2400 1 86400)

# Every process that descends from this script carries this mark in its environment, also one that a
# test started and lost.
HOLDFAST_TEST=$(random_hex 16)
export HOLDFAST_TEST

# marked_processes: the pids that carry the mark.
marked_processes() {
    local file pid
    # The files are listed before grep begins, so it does not find itself.
    grep -lszxF "HOLDFAST_TEST=$HOLDFAST_TEST" /proc/[0-9]*/environ | while IFS= read -r file; do
        pid=${file#/proc/}
        pid=${pid%/environ}
        ! identity "$pid" >/dev/null || printf '%s\n' "$pid"
    done
}

end_marked_processes() {
    local signal pid begin
    local -a pids
    for signal in TERM KILL; do
        begin=$SECONDS
        while true; do
            mapfile -t pids < <(marked_processes)
            [[ ${#pids[@]} -gt 0 ]] || return 0
            for pid in "${pids[@]}"; do
                kill "-$signal" "$pid" 2>/dev/null || true
            done
            ((SECONDS - begin < 5)) || break
            sleep 0.2
        done
    done
    warn "these processes could not be ended: ${pids[*]}"
}

clean_up() {
    local status=$?
    trap '' INT TERM HUP PIPE
    trap - EXIT
    end_foreground
    stop_everything
    end_marked_processes
    remove_data
    if [[ -s $log ]]; then
        # What failed, and the runner's closing line, last: readers of a long log look there.
        grep -a ' recorded an issue ' "$log" | head -n 20 | cut -c -500 || true
        grep -a 'Test run with' "$log" | tail -n 1 || true
    fi
    exit "$status"
}

# start_suite: one of each service, with the servers that run; sets GATEWAY_URL.
start_suite() {
    local kind flag
    "$holdfast" migrate >>"$run/logs/migrate.log" 2>&1 || fail "the schema could not be applied"
    for kind in inventory cart gateway; do
        flag=--health-port
        [[ $kind != gateway ]] || flag=--port
        claim_any_port
        spawn_service "$kind" "$holdfast" "$kind" "$flag" "$port"
        wait_until "$kind" 60 answers "http://127.0.0.1:$port/health/ready"
    done
    export GATEWAY_URL=http://127.0.0.1:$port
}

test_api() {
    say "Testing the gateway against its description"
    ADMIN_TOKEN=$(random_hex 16)
    export ADMIN_TOKEN
    start_suite
    run_interruptibly "$root/infrastructure/schemathesis/run.sh"
}

"$root/infrastructure/install.sh"
mkdir -p "$root/.run"
chmod 711 "$root/.run"
make_run_directory
lock_run_directory 0
rm -f "$log"
trap_ends clean_up

# An earlier run that was killed may have left servers and data.
stop_everything
remove_data
forget_suite

if [[ ${1:-} == api ]]; then
    build --product holdfast
else
    build --build-tests
fi

# Tests may lose what a power cut would take, so Postgres need not wait for the disk.
start_servers_anywhere holdfast-test off

if [[ ${1:-} == api ]]; then
    test_api
    exit
fi

# All at once they would starve each other of processor and connections, and deadlines would pass that
# no fault of the code made pass.
export SWT_EXPERIMENTAL_MAXIMUM_PARALLELIZATION_WIDTH=${TEST_WIDTH:-$((2 * $(nproc)))}

# Tests that start the executable find it here.
export HOLDFAST_EXECUTABLE=$holdfast

filter=()
[[ -z ${FILTER:-} ]] || filter=(--filter "$FILTER")

say "Testing"
: >"$log"
tail -n +1 -f "$log" 9>&- &
follower=$!
status=0
# `swift test` would build the products again, with flags of its own; they are built.
run_interruptibly timeout --kill-after=10 "$deadline" \
    swift test --skip-build --package-path "$root" "${build_flags[@]}" ${filter[@]+"${filter[@]}"} \
    >>"$log" 2>&1 || status=$?
sleep 0.2
kill "$follower" 2>/dev/null || true
wait "$follower" 2>/dev/null || true
if ((status == 124 || status == 137)); then
    warn "the tests did not end within $deadline seconds"
fi
if [[ -z ${FILTER:-} ]]; then
    say "Testing the broker from outside"
    run_interruptibly "$root/infrastructure/compatibility/run.sh" || status=$((status ? status : 1))
    test_api || status=$((status ? status : 1))
fi
exit "$status"
