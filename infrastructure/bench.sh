#!/usr/bin/env bash
# Measures a fresh suite of its own beside pgbench, in turns, and writes docs/benchmarks.md and its plots.
# GROWTH=1 measures too how figures grow with carts, products, partitions and history; QUICK=1 only tries
# it all out, and writes into .run/bench instead; ROUNDS=n says how often each is measured.
# shellcheck disable=SC2317 # what a trap calls is reachable
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"
run=$root/.run/bench
# shellcheck source=infrastructure/lib/processes.sh
source "$directory/lib/processes.sh"
# shellcheck source=infrastructure/lib/servers.sh
source "$directory/lib/servers.sh"

results=$run/results
growth=$(number GROWTH 0 0 1)
quick=$(number QUICK 0 0 1)
if ((quick)); then
    rounds=$(number ROUNDS 1 1 99)
    seconds=2 warm_up=1 flash_users=8000 sockets=1000 scale=100 size=small report=$run/benchmarks.md
else
    rounds=$(number ROUNDS 3 1 99)
    seconds=8 warm_up=2 flash_users=100000 sockets=10000 scale=10000 size=full
    report=$root/docs/benchmarks.md
fi
report=${REPORT:-$report}
# How many adds may be unanswered where as many are asked as are answered.
in_flight=$(number IN_FLIGHT 512 1 65536)

clean_up() {
    local status=$?
    trap '' INT TERM HUP PIPE
    trap - EXIT
    end_foreground
    stop_everything
    remove_data
    exit "$status"
}

# --- The suite ----------------------------------------------------------------------------------

step() {
    say "[$(printf '%d:%02d' $((SECONDS / 60)) $((SECONDS % 60)))] $*"
}

# start_services COUNT VARIABLE=VALUE...: so many of each service; sets `gateway_urls` and `watched`.
start_services() {
    local count=$1 kind i name
    local -a flags
    shift
    gateway_urls=
    for kind in inventory cart gateway; do
        for ((i = 1; i <= count; i++)); do
            claim_any_port
            flags=(--health-port "$port")
            [[ $kind != gateway ]] || flags=(--port "$port" --reply-partition "$((i - 1))")
            spawn_service "$kind-$i" env "$@" "$holdfast" "$kind" "${flags[@]}"
            wait_until "$kind-$i" 60 answers "http://127.0.0.1:$port/health/ready" >/dev/null
            [[ $kind != gateway ]] || gateway_urls+=${gateway_urls:+,}http://127.0.0.1:$port
        done
    done
    watched=
    for kind in gateway cart inventory broker postgres redis; do
        for name in $(names "$kind"); do
            watched+=${watched:+,}$name=$(process_id "$name")
        done
    done
}

# start_suite VARIABLE=VALUE...: servers without data, the schema, and the services.
start_suite() {
    stop_everything >/dev/null
    remove_data
    # As in production, nothing that was committed may be lost.
    start_servers_anywhere holdfast-bench on >/dev/null
    "$holdfast" migrate >>"$run/logs/migrate.log" 2>&1 || fail "the schema could not be applied"
    start_services 1 "$@"
}

# restart_services COUNT VARIABLE=VALUE...
restart_services() {
    # shellcheck disable=SC2046 # names have no spaces
    stop_processes 30 $(names gateway) $(names cart) $(names inventory)
    start_services "$@"
}

# --- What is measured ---------------------------------------------------------------------------

# yardstick NAME CLIENTS PRODUCTS ROUND: guarded holds by pgbench, one in each transaction.
yardstick() {
    step "round $4 of $rounds: pgbench, $2 client(s), $3 product(s)"
    run_interruptibly "$(postgres_binaries)/pgbench" --no-vacuum --protocol=prepared --client="$2" \
        --jobs="$(($2 < $(nproc) ? $2 : $(nproc)))" --time="$seconds" --define=products="$3" \
        --file="$root/infrastructure/pgbench/hold.sql" "$DATABASE_URL" \
        >"$results/pgbench-$1.$4.txt" 2>>"$run/logs/pgbench.log" \
        || fail "pgbench failed: $(tail -n 5 "$run/logs/pgbench.log")"
}

# load NAME FLAGS...: a scenario; what it found lies in load-NAME.json. A figure that is untrue is told in
# the report, and does not end the others.
load() {
    local name=$1
    shift
    run_interruptibly "$holdfast" load --gateway "$gateway_urls" --pids "$watched" \
        --json "$results/load-$name.json" "$@" >>"$run/logs/load.log" || true
    [[ -s $results/load-$name.json ]] || fail "the scenario $name could not be held; see $run/logs/load.log"
}

uniform() {
    load "$1" --scenario uniform --rate max --in-flight "$in_flight" \
        --warm-up "${warm_up}s" --duration "${seconds}s" "${@:2}"
}

steady() {
    load "$1" --scenario uniform --rate 1000 --warm-up "${warm_up}s" --duration "${seconds}s" "${@:2}"
}

# counters: what Postgres and the log have done so far, as lines of `name number`.
counters() {
    psql -XAtq "$DATABASE_URL" -F ' ' <<'SQL'
SELECT 'adds', count(*) FROM hold;
SELECT 'postgres.WAL-bytes', pg_current_wal_lsn() - '0/0';
SELECT 'postgres.WAL-flushes', wal_sync FROM pg_stat_wal;
SELECT 'postgres.commits', xact_commit FROM pg_stat_database WHERE datname = current_database();
SQL
    curl -fsS --noproxy '*' "http://127.0.0.1:$broker_health/metrics" | sed -n \
        -e 's/^holdfast_broker_bytes_received_total /log.bytes-in /p' \
        -e 's/^holdfast_broker_bytes_sent_total /log.bytes-out /p' \
        -e 's/^holdfast_broker_requests_total{api="Produce"} /log.produce-requests /p'
    "$holdfast" topics | awk '$2 ~ /^[0-9]+$/ && NF == 5 { sum[$1] += $4 }
        END { for (topic in sum) print "messages." topic, sum[topic] }'
}

# counting ROUND COMMAND...: in the first round, also what the command made Postgres and the log do.
counting() {
    local before
    if (($1 > 1)); then
        "${@:2}"
        return
    fi
    before=$(counters)
    "${@:2}"
    # Idle backends tell their statistics after ten seconds.
    sleep 11
    counters | awk 'NR == FNR { before[$1] = $2; next } { print $1, $2 - before[$1] }' \
        <(printf '%s\n' "$before") - >"$results/moved.txt"
}

# chain ROUND: what the hops and transactions of an add cost alone.
chain() {
    step "round $1 of $rounds: the parts alone"
    run_interruptibly "$microbench" chain "$seconds" "$in_flight" \
        "broker=$(process_id broker)" "postgres=$(process_id postgres)" >"$results/chain.$1.txt" \
        || fail "the parts alone failed: $(tail -n 1 "$results/chain.$1.txt")"
}

measure_round() {
    local round=$1
    yardstick uniform-32 32 1000 "$round"
    step "round $round of $rounds: adds of uniform products"
    counting "$round" uniform "uniform.$round"
    yardstick row-32 32 1 "$round"
    step "round $round of $rounds: adds of one hot product"
    load "hot.$round" --scenario hot --rate max --in-flight "$in_flight" \
        --warm-up "${warm_up}s" --duration "${seconds}s"
    yardstick uniform-1 1 1000 "$round"
    step "round $round of $rounds: 1,000 adds a second"
    steady "steady.$round"
    chain "$round"
}

# measure_scale_out ROUND: as fast as possible, with as many adds in flight for each instance as for one,
# then with as many in all; and at the same rate for each instance. Not as long as others, for there are
# many of them.
measure_scale_out() {
    local count
    local -a flags=(--scenario uniform --warm-up "${warm_up}s" --duration "$((seconds / 2))s")
    for count in 1 2 4; do
        step "round $1 of $rounds: $count of each service"
        restart_services "$count"
        load "instances-$count.$1" "${flags[@]}" --rate max --in-flight $((count * in_flight))
        ((count == 1)) \
            || load "instances-$count-shared.$1" "${flags[@]}" --rate max --in-flight "$in_flight"
        load "instances-$count-steady.$1" "${flags[@]}" --rate $((500 * count))
    done
}

measure_flash_sale() {
    step "flash sale: $flash_users users, 1,000 pieces"
    load flash-sale --scenario flash-sale --users "$flash_users" --in-flight "$in_flight"
}

# measure_memory NAME VARIABLE=VALUE...: services anew, so that nothing is in memory; a few users warm
# them up, then many come to stay.
measure_memory() {
    step "$sockets websockets, $1 carts"
    restart_services 1 CONNECTIONS_MAX=20000 "${@:2}"
    load "warm-up-$1" --scenario uniform --rate 1000 --users 100 --duration 2s --warm-up 0s
    load "memory-$1" --scenario uniform --rate 1000 --users "$sockets" --sockets "$sockets" \
        --warm-up 0s --duration "$((sockets / 1000 + 2))s"
}

measure_storage() {
    psql -XAtq "$DATABASE_URL" -F ' ' >"$results/storage.txt" <<'SQL'
SELECT 'adds', count(*) FROM hold;
SELECT 'hold', pg_total_relation_size('hold');
SELECT 'cart_event', pg_total_relation_size('cart_event');
SQL
}

measure_micro() {
    step "micro-benchmarks"
    run_interruptibly "$microbench" "$size" >"$results/micro.txt" \
        || fail "the micro-benchmarks failed"
}

# --- How it grows -------------------------------------------------------------------------------

# grown DIMENSION COUNT FLAGS...: throughput and latency at one size of one dimension.
grown() {
    step "growth: $2 $1"
    uniform "growth.$1.$2.max" "${@:3}"
    steady "growth.$1.$2.steady" "${@:3}"
}

# add_history ROWS: holds and events of carts that are not asked for, as an older shop has them.
add_history() {
    psql -XAtq -v rows="$1" "$DATABASE_URL" >/dev/null <<'SQL'
INSERT INTO inventory (product_code, name, quantity, held)
SELECT 'history-' || number, 'History', 1000000000, :rows / 100 FROM generate_series(0, 99) AS number
ON CONFLICT (product_code) DO UPDATE SET held = inventory.held + EXCLUDED.held;
CREATE TEMPORARY TABLE history AS
SELECT gen_random_uuid() AS cart_id, number FROM generate_series(1, :rows) AS number;
INSERT INTO hold (cart_id, request_id, product_code, user_id, ask_quantity, hold_quantity, status,
    created_at, expires_at)
SELECT cart_id, 'request-' || number, 'history-' || number % 100, 'user-' || number, 1, 1, 'held', now(),
    now() + interval '1 day'
FROM history;
INSERT INTO cart_event (cart_id, version, partition, request_id, type, data, created_at)
SELECT cart_id, version, 0, 'request-' || number, 'history', '{}', now()
FROM history, generate_series(1, 2) AS version;
VACUUM ANALYZE inventory, hold, cart_event;
CHECKPOINT;
SQL
}

measure_growth() {
    local factor
    for factor in 1 10 100; do
        start_suite CONNECTIONS_MAX=20000
        grown users $((100 * factor)) --users $((100 * factor)) --sockets $((100 * factor))
    done
    for factor in 1 10 100; do
        start_suite
        grown products $((scale * factor / 10)) --products $((scale * factor / 10))
    done
    for factor in 1 10 100; do
        start_suite "${partitions[@]/%/=$factor}"
        grown partitions "$factor"
    done
    start_suite
    for factor in 1 10 100; do
        # What the steps before have added is there already.
        add_history $((factor == 1 ? scale * 2 : scale * 2 * factor * 9 / 10))
        grown history $((scale * 2 * factor))
    done
}
partitions=(CART_PARTITIONS INVENTORY_PARTITIONS REPLY_PARTITIONS)

# --- The machine --------------------------------------------------------------------------------

describe_machine() {
    local librdkafka
    librdkafka=$(pkg-config --modversion rdkafka 2>/dev/null || printf unknown)
    printf '%s: %s\n' \
        Processors "$(nproc) of $(sed -n 's/^model name\s*: //p' /proc/cpuinfo | head -n 1)" \
        Memory "$(awk '/^MemTotal/ { printf "%.0f GiB", $2 / 1048576 }' /proc/meminfo)" \
        Kernel "$(uname -s) $(uname -r)" \
        Swift "$(swift --version 2>/dev/null | sed -n 's/.*Swift version \([^ ]*\).*/\1/p' | head -n 1)" \
        Postgres "$("$(postgres_binaries)/postgres" --version | sed 's/[^0-9]*\([0-9.]*\).*/\1/'), synchronous_commit=on, fsync=on" \
        Scheduling "services and broker by ${as_batch[*]:-the default policy}" \
        Redis "$(redis-server --version | sed -n 's/.* v=\([^ ]*\).*/\1/p'), appendfsync=everysec" \
        librdkafka "$librdkafka" \
        Suite "one gateway, cart service, inventory service and broker, unless more are told; load generator on the same machine" \
        Measured "$rounds round(s), $seconds seconds each, $in_flight adds in flight at most"
}

"$root/infrastructure/install.sh"
mkdir -p "$root/.run"
chmod 711 "$root/.run"
make_run_directory
lock_run_directory 0
trap_ends clean_up

forget_suite
ADMIN_TOKEN=$(random_hex 16)
export ADMIN_TOKEN

build --product holdfast
build --product microbench
microbench=$(dirname "$holdfast")/microbench
rm -rf -- "$results" "$run"/logs/*.log
mkdir -p "$results"
describe_machine >"$results/machine.txt"

step "starting a suite"
start_suite
psql -XAtq "$DATABASE_URL" -f "$root/infrastructure/pgbench/tables.sql" 2>>"$run/logs/pgbench.log"
for ((round = 1; round <= rounds; round++)); do
    measure_round "$round"
done
measure_flash_sale
measure_storage
measure_micro
for ((round = 1; round <= rounds; round++)); do
    measure_scale_out "$round"
done
measure_memory active
measure_memory passive ACTORS_MAX=100
((growth == 0)) || measure_growth
step "stopping"
stop_everything >/dev/null
"$holdfast" bench-report --results "$results" --report "$report"
