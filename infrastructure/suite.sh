#!/usr/bin/env bash
# Starts, stops and shows the suite of this checkout: suite.sh run|start|stop|status|seed|reset.
# What can be set is told in README.md, under "Configuration".
set -euo pipefail

directory=$(dirname "${BASH_SOURCE[0]}")
# shellcheck source=infrastructure/lib/common.sh
source "$directory/lib/common.sh"
accept_signals "$0" "$@"
run=$root/.run
# shellcheck source=infrastructure/lib/processes.sh
source "$directory/lib/processes.sh"
# shellcheck source=infrastructure/lib/servers.sh
source "$directory/lib/servers.sh"

declare -A ports=()
servers=()
inventories=()
carts=()
gateways=()

# --- What to start, and where -----------------------------------------------------------------

# forget_own VARIABLE: a shell that sourced .run/env hands us our own server's URL. That is no wish
# to use a server which somebody else runs.
forget_own() {
    local line
    [[ -n ${!1:-} && -r $run/secrets/own ]] || return 0
    while IFS= read -r line; do
        if [[ $line == "$1=${!1}" ]]; then
            unset "$1"
            return
        fi
    done <"$run/secrets/own"
}

# refuse_mixture VARIABLE SERVER: half a suite on one server and half on another serves nobody.
refuse_mixture() {
    if [[ -n ${!1:-} ]] && is_alive "$2"; then
        fail "$1 names a server, but the suite runs with its own; stop it first: make stop"
    fi
}

# plan_port NAME PROCESS VARIABLE DEFAULT exact|next: what runs, or ran, keeps its port. Else `exact`
# takes what the variable says and nothing else, `next` the first that is free from DEFAULT upwards.
plan_port() {
    local file=$run/state/$1.port known='' value
    [[ ! -r $file ]] || known=$(<"$file")
    if [[ -n $known ]] && is_alive "$2"; then
        port=$known
        claimed_ports+="$port "
    elif [[ $5 == next ]]; then
        claim_next_port "${known:-$4}"
    else
        value=$(number "$3" "${known:-$4}" 1 65535)
        claim_port "$value" "$3"
    fi
    ports[$1]=$port
}

# plan_kind KIND VARIABLE_OF_COUNT VARIABLE_OF_PORT DEFAULT: plans as many as asked for, or as there were.
plan_kind() {
    local kind=$1 count known i base mode=exact
    known=$(names "$kind" | wc -l)
    count=$(number "$2" 1 1 64)
    ((count >= known)) || count=$known
    base=$(number "$3" "$4" 1 65535)
    for ((i = 1; i <= count; i++)); do
        plan_port "$kind-$i" "$kind-$i" "$3" "$base" "$mode"
        base=$port
        mode=next
        case $kind in
            gateway) gateways+=("$kind-$i") ;;
            cart) carts+=("$kind-$i") ;;
            inventory) inventories+=("$kind-$i") ;;
        esac
    done
}

plan() {
    local variable offset
    for variable in DATABASE_URL REDIS_URL KAFKA_BROKERS; do
        forget_own "$variable"
    done
    refuse_mixture DATABASE_URL postgres
    refuse_mixture REDIS_URL redis
    refuse_mixture KAFKA_BROKERS broker
    offset=$(number PORT_OFFSET 0 0 30000)
    if [[ -z ${DATABASE_URL:-} ]]; then
        servers+=(postgres)
        plan_port postgres postgres POSTGRES_PORT $((25432 + offset)) exact
    fi
    if [[ -z ${REDIS_URL:-} ]]; then
        servers+=(redis)
        plan_port redis redis REDIS_PORT $((26379 + offset)) exact
    fi
    if [[ -z ${KAFKA_BROKERS:-} ]]; then
        servers+=(broker)
        plan_port broker broker BROKER_PORT $((29092 + offset)) exact
        plan_port broker-health broker BROKER_HEALTH_PORT $((18081 + offset)) exact
    fi
    plan_kind gateway GATEWAYS GATEWAY_PORT $((8080 + offset))
    plan_kind cart CARTS CART_HEALTH_PORT $((18100 + offset))
    plan_kind inventory INVENTORIES INVENTORY_HEALTH_PORT $((18200 + offset))
}

remember_port() {
    printf '%s\n' "${ports[$1]}" >"$run/state/$1.port"
}

# --- Start --------------------------------------------------------------------------------------

start_servers() {
    if [[ " ${servers[*]} " != *' postgres '* ]]; then
        require_answer DATABASE_URL pg_isready -q -d "$DATABASE_URL"
    elif is_alive postgres; then
        export_database_url "${ports[postgres]}"
    else
        remember_port postgres
        start_postgres "${ports[postgres]}" "$(postgres_elsewhere)" on
    fi
    if [[ " ${servers[*]} " != *' redis '* ]]; then
        require_answer REDIS_URL redis-cli -u "$REDIS_URL" ping
    elif is_alive redis; then
        export REDIS_URL="redis://127.0.0.1:${ports[redis]}"
    else
        remember_port redis
        start_redis "${ports[redis]}"
    fi
    if [[ " ${servers[*]} " != *' broker '* ]]; then
        require_answer KAFKA_BROKERS kcat -L -m 5 -b "$KAFKA_BROKERS"
    elif is_alive broker; then
        export KAFKA_BROKERS="127.0.0.1:${ports[broker]}"
    else
        remember_port broker
        remember_port broker-health
        start_broker "${ports[broker]}" "${ports[broker-health]}"
    fi
}

# Where the cluster lies if the user as whom Postgres runs cannot go into this checkout.
postgres_elsewhere() {
    printf '/var/lib/holdfast/%s' "$(printf '%s' "$root" | sha256sum | cut -c 1-12)"
}

start_service() {
    local name=$1 flag=$2
    ! is_alive "$name" || return 0
    remember_port "$name"
    spawn_service "$name" "$holdfast" "${name%-*}" "$flag" "${ports[$name]}" "${@:3}"
}

start_services() {
    local name replies
    replies=$(number REPLY_PARTITIONS 16 1 1000)
    for name in "${inventories[@]}" "${carts[@]}"; do
        start_service "$name" --health-port
    done
    for name in "${inventories[@]}" "${carts[@]}"; do
        wait_until "$name" 60 answers "http://127.0.0.1:${ports[$name]}/health/ready"
    done
    for name in "${gateways[@]}"; do
        # Each a partition of its own, as far as they go, unless one is named for all.
        start_service "$name" --port \
            --reply-partition "${REPLY_PARTITION:-$(((${name##*-} - 1) % replies))}"
    done
    for name in "${gateways[@]}"; do
        wait_until "$name" 60 answers "http://127.0.0.1:${ports[$name]}/health/ready"
    done
}

# urls NAME...: their base URLs with a space between.
urls() {
    local name text=
    for name in "$@"; do
        text+="${text:+ }http://127.0.0.1:${ports[$name]}"
    done
    printf '%s' "$text"
}

choose_admin_token() {
    if [[ -z ${ADMIN_TOKEN:-} ]]; then
        [[ -s $run/secrets/admin-token ]] \
            || (umask 077 && random_hex 24 >"$run/secrets/admin-token")
        ADMIN_TOKEN=$(<"$run/secrets/admin-token")
    fi
    export ADMIN_TOKEN
}

# export_line NAME VALUE: a line that any shell can source.
export_line() {
    printf "export %s='%s'\n" "$1" "${2//\'/\'\\\'\'}"
}

write_environment() (
    umask 077
    {
        export_line GATEWAY_URL "$(urls "${gateways[0]}")"
        export_line GATEWAY_URLS "$(urls "${gateways[@]}")"
        export_line CART_URLS "$(urls "${carts[@]}")"
        export_line INVENTORY_URLS "$(urls "${inventories[@]}")"
        export_line DATABASE_URL "$DATABASE_URL"
        export_line REDIS_URL "$REDIS_URL"
        export_line KAFKA_BROKERS "$KAFKA_BROKERS"
        export_line ADMIN_TOKEN "$ADMIN_TOKEN"
    } >"$run/env.new"
    mv "$run/env.new" "$run/env"
    for server in "${servers[@]}"; do
        case $server in
            postgres) printf 'DATABASE_URL=%s\n' "$DATABASE_URL" ;;
            redis) printf 'REDIS_URL=%s\n' "$REDIS_URL" ;;
            broker) printf 'KAFKA_BROKERS=%s\n' "$KAFKA_BROKERS" ;;
        esac
    done >"$run/secrets/own"
)

# post_table TABLE FILE: loads a CSV file through the first gateway. The token travels by standard
# input, so that `ps` does not show it.
post_table() {
    printf 'header = "Authorization: Bearer %s"\n' "$ADMIN_TOKEN" \
        | curl -sS --noproxy '*' --fail-with-body -K - -H 'Content-Type: text/csv' \
            --data-binary "@$2" "$GATEWAY_URL/migration/$1"
}

# seed_if_empty DATABASE_TABLE TABLE: what somebody changed since must not jump back at the next start.
seed_if_empty() {
    local rows answer
    rows=$(psql -XAtq "$DATABASE_URL" -c "select exists (select from $1)") \
        || fail "the table $1 cannot be read"
    [[ $rows == f ]] || return 0
    GATEWAY_URL=$(urls "${gateways[0]}")
    answer=$(post_table "$2" "$root/infrastructure/sample-$2.csv") \
        || fail "seeding the sample $2 failed: $answer"
    say "Seeded the sample $2: $answer"
}

start_all() {
    build --product holdfast
    start_servers
    choose_admin_token
    if ! run_interruptibly "$holdfast" migrate >>"$run/logs/migrate.log" 2>&1; then
        warn "the schema could not be applied. The end of $run/logs/migrate.log:"
        tail -n 20 "$run/logs/migrate.log" | sed 's/^/    /' >&2
        exit 1
    fi
    say "schema       applied"
    start_services
    write_environment
    seed_if_empty inventory inventory
    seed_if_empty product products
}

# without_password URL
without_password() {
    printf '%s' "$1" | sed 's#//[^/@]*@#//#'
}

print_welcome() {
    say
    say "Gateways      $(urls "${gateways[@]}")"
    say "Carts         $(urls "${carts[@]}")   (health, metrics)"
    say "Inventories   $(urls "${inventories[@]}")   (health, metrics)"
    say "Log           $KAFKA_BROKERS"
    say "Redis         $(without_password "$REDIS_URL")"
    say "Postgres      $(without_password "$DATABASE_URL")   (password in .run/env)"
    say
    say "$(cat <<TEXT
Try, in another shell in this directory:

  . .run/env

  # 1. Look for drills, and what one costs.
  curl -s "\$GATEWAY_URL/products?q=drill"; echo

  # 2. Put two drills into a cart, and ask what is in it.
  curl -s \$GATEWAY_URL/cart/items -H 'Content-Type: application/json' \\
      -d '{"userID":"ada","productCode":"HRD001","quantity":2}'; echo
  curl -s "\$GATEWAY_URL/cart?userID=ada"; echo

  # 3. Let two shoppers race for a last item, 20 times.
  .build/release/holdfast race --rounds 20

  # 4. See what is held, and what went over the log.
  psql "\$DATABASE_URL" -c 'select * from available_products order by 1 limit 5'
  kcat -b \$KAFKA_BROKERS -t cart-event -C -e -q

TEXT
    )"
    say
}

# --- Commands -----------------------------------------------------------------------------------

# On the way out of a start that failed, or was interrupted: what this command started ends.
undo_start() {
    local status=$?
    trap '' INT TERM HUP
    trap - EXIT
    end_foreground
    if [[ ${#started[@]} -gt 0 ]]; then
        warn "stopping what was started"
        local -a reversed=()
        local name
        for name in "${started[@]}"; do
            reversed=("$name" ${reversed[@]+"${reversed[@]}"})
        done
        for name in "${reversed[@]}"; do
            stop_processes 15 "$name"
        done
    fi
    exit "$status"
}

prepare() {
    "$root/infrastructure/install.sh"
    make_run_directory
    lock_run_directory 10
    plan
    trap undo_start EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    trap : PIPE
}

start() {
    prepare
    start_all
    trap - EXIT INT TERM HUP
    print_welcome
    say "Logs: .run/logs. Stop with: make stop"
}

stop_run() {
    trap '' INT TERM HUP PIPE
    trap - EXIT
    local pid
    for pid in "${streams[@]}"; do
        kill "$pid" 2>/dev/null || true
    done
    lock_run_directory 60
    say
    stop_everything
    rm -f "$run/env"
    exit 0
}

# stream NAME: new lines of its log, each after its name.
streams=()
stream() {
    # sed ends with tail, tail with the script's own signal.
    tail -n 0 -F "$run/logs/$1.log" 2>/dev/null 9>&- > >(exec sed -u "s/^/$1 | /") &
    streams+=("$!")
}

run_in_foreground() {
    local name
    local -A gone=()
    if [[ -d $run ]] && is_alive gateway-1; then
        fail "the suite runs already; see: make status, and make stop"
    fi
    prepare
    start_all
    trap stop_run EXIT
    trap 'exit 0' INT TERM HUP PIPE
    print_welcome
    say "Logs follow; Ctrl-C stops everything."
    unlock_run_directory
    for name in broker "${inventories[@]}" "${carts[@]}" "${gateways[@]}"; do
        [[ ! -e $run/logs/$name.log ]] || stream "$name"
    done
    while true; do
        for name in "${servers[@]}" "${inventories[@]}" "${carts[@]}" "${gateways[@]}"; do
            if is_alive "$name"; then
                unset "gone[$name]"
            elif [[ -z ${gone[$name]:-} ]]; then
                gone[$name]=yes
                warn "$name has ended; 'make start' in another shell starts it again"
            fi
        done
        sleep 1 &
        wait $!
    done
}

stop() {
    if [[ ! -d $run ]]; then
        say "Nothing runs."
        return
    fi
    make_run_directory
    lock_run_directory 60
    if [[ -z $(find "$run/pids" -name '*.pid' -print -quit) ]]; then
        say "Nothing runs."
    fi
    stop_everything
    rm -f "$run"/state/*.port "$run/env"
}

status() {
    local name pid url state all=0 file
    local -a known=()
    for name in postgres redis broker inventory cart gateway; do
        [[ ! -d $run/pids ]] || mapfile -t -O "${#known[@]}" known < <(names "$name")
    done
    if [[ ${#known[@]} -eq 0 ]]; then
        say "Nothing runs. Start with: make start"
        exit 3
    fi
    printf '%-14s %-8s %-6s %s\n' PROCESS PID PORT STATE
    for name in "${known[@]}"; do
        file=$run/state/$name.port
        port=-
        [[ ! -r $file ]] || port=$(<"$file")
        url=http://127.0.0.1:$port/health/ready
        [[ $name != broker ]] || url=http://127.0.0.1:$(<"$run/state/broker-health.port")/health/ready
        if ! pid=$(process_id "$name"); then
            pid=-
            state="ended; make start starts it again"
            all=1
        elif [[ $name == redis ]] && redis_answers "$port" 2>/dev/null; then
            state=ready
        elif [[ $name == postgres ]] && "$(postgres_binaries)/pg_isready" -q -h 127.0.0.1 -p "$port"; then
            state=ready
        elif [[ $name != redis && $name != postgres ]] && answers "$url" 2>/dev/null; then
            state=ready
        else
            state="runs, but is not ready"
            all=1
        fi
        printf '%-14s %-8s %-6s %s\n' "$name" "$pid" "$port" "$state"
    done
    exit "$all"
}

seed() {
    local answer table=${TABLE:-inventory}
    [[ -r $run/env ]] || fail "the suite does not run; start it with: make start"
    # shellcheck source=/dev/null
    source "$run/env"
    if [[ -n ${FILE:-} ]]; then
        [[ $table == inventory || $table == products ]] \
            || fail "TABLE is $table; it must be inventory or products"
        [[ -r $FILE ]] || fail "there is no file $FILE"
        answer=$(post_table "$table" "$FILE") || fail "seeding failed: $answer"
        say "$answer"
        return
    fi
    for table in inventory products; do
        answer=$(post_table "$table" "$root/infrastructure/sample-$table.csv") \
            || fail "seeding failed: $answer"
        say "$table: $answer"
    done
}

reset() {
    stop
    [[ -d $run ]] || return 0
    remove_postgres_place
    rm -rf -- "$run"
    say "The data of this checkout is gone."
}

case ${1:-} in
    run) run_in_foreground ;;
    start | stop | status | seed | reset) "$1" ;;
    *) fail "usage: suite.sh run|start|stop|status|seed|reset" ;;
esac
