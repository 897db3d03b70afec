# shellcheck shell=bash
# Postgres, Redis and the broker, each started as a process of `run`; to be sourced after processes.sh.
# Each function exports the server's URL as DATABASE_URL, REDIS_URL or KAFKA_BROKERS.

: "${root:?}" "${run:?}"

# As whom Postgres runs: it refuses to be root.
postgres_user=()
if [[ $EUID -eq 0 ]]; then
    postgres_user=(setpriv --reuid=postgres --regid=postgres --init-groups)
fi

# as_postgres COMMAND...: in a clean environment and a directory that this user may see.
as_postgres() {
    (
        cd /
        exec env -i PATH="$PATH" LC_ALL=C HOME=/ ${postgres_user[@]+"${postgres_user[@]}"} "$@"
    )
}

# The newest Postgres that Debian installed.
postgres_binaries() {
    local directory
    directory=$(find /usr/lib/postgresql -mindepth 2 -maxdepth 2 -name bin 2>/dev/null \
        | sort -V | tail -n 1)
    if [[ -z $directory ]]; then
        directory=$(dirname "$(command -v postgres 2>/dev/null || printf /missing/postgres)")
    fi
    [[ -x $directory/postgres && -x $directory/initdb ]] \
        || fail "no Postgres server found; it is in Debian's package postgresql"
    printf '%s' "$directory"
}

# make_postgres_place PREFIX: makes `.run/postgres`, or if the user as whom Postgres runs cannot go
# there, a link of that name to PREFIX and random letters.
make_postgres_place() {
    local place=$run/postgres old
    [[ ! -d $place ]] || return 0
    rm -f "$place"
    if as_postgres test -x "$run" 2>/dev/null; then
        mkdir -m 700 "$place"
    else
        # What an earlier, removed run directory pointed to is of no use to anybody.
        for old in "$1"-*; do
            [[ ! -d $old || -e $old/data/postmaster.pid ]] || rm -rf -- "$old"
        done
        mkdir -p "$(dirname "$1")"
        ln -s "$(mktemp -d "$1-XXXXXXXX")" "$place"
    fi
    [[ $EUID -ne 0 ]] || chown postgres: "$place/"
}

# remove_postgres_place: with everything in it.
remove_postgres_place() {
    if [[ -L $run/postgres ]]; then
        rm -rf -- "$(readlink "$run/postgres")"
    fi
    rm -rf -- "$run/postgres"
}

# make_cluster BINARIES: makes the cluster if there is none; a torn attempt is begun afresh.
make_cluster() {
    local place
    place=$(readlink -f "$run/postgres")
    as_postgres test ! -e "$place/data" || return 0
    say "Making a Postgres cluster in $place"
    # shellcheck disable=SC2016 # the inner shell expands it
    random_hex 16 | as_postgres bash -euc '
        umask 077
        cd "$1"
        cat >password
        rm -rf new
        "$2/initdb" --pgdata=new --username=holdfast --pwfile=password --auth=scram-sha-256 \
            --encoding=UTF8 --locale=C --no-instructions
        printf "create database holdfast\n" | "$2/postgres" --single -D new postgres
        mv new data
    ' make-cluster "$place" "$1" >>"$run/logs/postgres.log" 2>&1 \
        || {
            tail -n 20 "$run/logs/postgres.log" >&2
            fail "the cluster could not be made"
        }
}

# drop_dead_lock_file DATA: where nobody buries dead processes, as in many containers, a killed Postgres
# seems alive to the next one, for ever. Its lock file goes once it is dead and its children too, which
# have the data directory as their working directory.
drop_dead_lock_file() {
    local pid directory
    read -r pid < <(as_postgres cat "$1/postmaster.pid" 2>/dev/null) || return 0
    [[ $pid =~ ^[0-9]+$ ]] || return 0
    ! identity "$pid" >/dev/null || return 0
    for directory in /proc/[0-9]*/cwd; do
        [[ $(readlink "$directory" 2>/dev/null) != "$1" ]] || return 0
    done
    as_postgres rm -f "$1/postmaster.pid"
}

# start_postgres PORT ELSEWHERE FSYNC
start_postgres() {
    local port=$1 binaries place attempt
    binaries=$(postgres_binaries)
    make_postgres_place "$2"
    make_cluster "$binaries"
    place=$(readlink -f "$run/postgres")
    # After a kill of Postgres alone, its children keep the memory for a moment: try again then.
    for attempt in 1 2 3 4 5 6 7 8 9 10; do
        drop_dead_lock_file "$place/data"
        # The directory is changed in a process of its own, so that the pid is that of Postgres.
        spawn postgres env -C / -i PATH="$PATH" LC_ALL=C HOME=/ \
            ${postgres_user[@]+"${postgres_user[@]}"} \
            "$binaries/postgres" -D "$place/data" -c listen_addresses=127.0.0.1 -c port="$port" \
            -c unix_socket_directories= -c synchronous_commit=on -c fsync="$3" \
            -c max_connections=500 -c shared_buffers=256MB -c max_wal_size=2GB \
            -c timezone=UTC -c log_timezone=UTC -c log_checkpoints=off
        sleep 0.3
        if is_alive postgres || ((attempt == 10)) \
            || ! tail -n 3 "$run/logs/postgres.log" | grep -qE 'still in use|lock file .* already exists'; then
            break
        fi
        sleep 1
    done
    wait_until postgres 60 "$binaries/pg_isready" -q -h 127.0.0.1 -p "$port"
    export_database_url "$port"
}

# export_database_url PORT
export_database_url() {
    local password
    password=$(<"$run/postgres/password")
    export DATABASE_URL="postgres://holdfast:$password@127.0.0.1:$1/holdfast"
}

# start_redis PORT
start_redis() {
    local directory=$run/redis quoted
    mkdir -p "$directory"
    chmod 700 "$directory"
    quoted=${directory//\\/\\\\}
    quoted=${quoted//\"/\\\"}
    # Once a second is enough: nothing depends on a lock that Redis forgot, its holder's fencing token
    # is checked against the product's row, and a lost counter is raised above that row again.
    cat >"$directory/redis.conf" <<-CONF
		bind 127.0.0.1
		port $1
		dir "$quoted"
		appendonly yes
		appendfsync everysec
		save ""
	CONF
    spawn redis redis-server "$directory/redis.conf"
    wait_until redis 60 redis_answers "$1"
    export REDIS_URL="redis://127.0.0.1:$1"
}

redis_answers() {
    [[ $(redis-cli -h 127.0.0.1 -p "$1" ping) == PONG ]]
}

# start_broker PORT HEALTH_PORT
start_broker() {
    mkdir -p "$run/broker"
    chmod 700 "$run/broker"
    spawn_service broker "${holdfast:?}" broker --port "$1" --data-directory "$run/broker" --health-port "$2"
    wait_until broker 60 answers "http://127.0.0.1:$2/health/ready"
    export KAFKA_BROKERS="127.0.0.1:$1"
}

# require_answer VARIABLE COMMAND...: for a server that somebody else runs.
require_answer() {
    local variable=$1 begin=$SECONDS
    shift
    until "$@" >/dev/null 2>&1; do
        ((SECONDS - begin < 15)) || fail "the server that $variable names does not answer;" \
            "unset $variable to have one started"
        sleep 0.2
    done
    say "$variable is set: that server is used"
}

# start_servers_anywhere PLACE FSYNC: all three on free ports; sets `broker_health`, the port of that.
start_servers_anywhere() {
    local broker_port
    claim_any_port
    start_postgres "$port" "/var/tmp/$1-$(printf '%s' "$root" | sha256sum | cut -c 1-12)" "$2"
    claim_any_port
    start_redis "$port"
    claim_any_port
    broker_port=$port
    claim_any_port
    broker_health=$port
    start_broker "$broker_port" "$broker_health"
}

# remove_data: of all three.
remove_data() {
    remove_postgres_place
    rm -rf -- "$run/redis" "$run/broker"
}
