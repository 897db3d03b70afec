#!/usr/bin/env bash
# Measures the broker, or the Kafka that KAFKA_BROKERS names. REPORT=path.md writes the figures there;
# BENCH_MESSAGES, BENCH_HOPS and BENCH_LARGE (such as 10GiB) say how much is measured.
# shellcheck disable=SC2317 # what a trap calls is reachable
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"

broker=
place=
kill_measured() {
    [[ -n $broker ]] || return 0
    kill -KILL "$broker" 2>/dev/null || true
    while kill -0 "$broker" 2>/dev/null; do sleep 0.01; done
    broker=
}

clean_up() {
    local status=$?
    trap '' INT TERM HUP
    end_foreground
    kill_measured
    [[ -z $place ]] || rm -rf -- "$place"
    exit "$status"
}
trap_ends clean_up

# start_measured: starts the broker and leaves in `millis` the time until its port is open.
start_measured() {
    local begin
    begin=$(date +%s%N)
    "$holdfast" broker --port "$broker_port" --health-port "$health_port" \
        --data-directory "$place/data" --log-level warning 2>>"$place/log" </dev/null &
    broker=$!
    # So that the shell says nothing about its end.
    disown "$broker"
    until port_is_taken "$broker_port"; do
        kill -0 "$broker" 2>/dev/null || fail "the broker ended: $(tail -n 5 "$place/log")"
        sleep 0.005
    done
    millis=$((($(date +%s%N) - begin) / 1000000))
}

report() {
    say "$1"
    [[ -z ${REPORT:-} ]] || printf '\n%s\n' "$1" >>"$REPORT"
}

"$root/infrastructure/install.sh"
build --product holdfast
if [[ -n ${KAFKA_BROKERS:-} ]]; then
    run_interruptibly "$holdfast" bench-broker
    exit
fi

mkdir -p "$root/.run"
place=$(mktemp -d "$root/.run/bench-XXXXXX")
claim_any_port
broker_port=$port
claim_any_port
health_port=$port
start_measured
empty=$millis
export KAFKA_BROKERS=127.0.0.1:$broker_port
run_interruptibly "$holdfast" bench-broker --broker-pid "$broker"

kill -TERM "$broker"
stopping=$SECONDS
while kill -0 "$broker" 2>/dev/null; do
    ((SECONDS - stopping < 60)) || fail "the broker does not stop: $(tail -n 5 "$place/log")"
    sleep 0.05
done
start_measured
size=$(du -sm "$place/data" | cut -f 1)
report "Start until the port is open: $empty ms empty, $millis ms with $size MiB of log after a clean stop."
kill_measured
start_measured
report "The same after kill -9: $millis ms."
