# shellcheck shell=bash
# Messages, ports and small tools; to be sourced. Sets `root`, the checkout.

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd -P)

# accept_signals SCRIPT ARGUMENTS...: a shell that puts a command into the background makes it ignore
# SIGINT, and what is ignored at the start no trap can catch. So begin again with the defaults.
accept_signals() {
    [[ -z $(trap -p INT TERM HUP) ]] || exec env --default-signal=INT,TERM,HUP "$@"
}

# trap_ends COMMAND: runs it whenever the script ends, with the status of the signal that ended it.
trap_ends() {
    # shellcheck disable=SC2064 # the command is known now
    trap "$1" EXIT
    trap 'exit 130' INT
    trap 'exit 143' TERM
    trap 'exit 129' HUP
    trap 'exit 141' PIPE
}

# forget_suite: what a shell took from .run/env must not lead anybody to the suite that runs there.
forget_suite() {
    unset GATEWAY_URL GATEWAY_URLS CART_URLS INVENTORY_URLS DATABASE_URL REDIS_URL KAFKA_BROKERS ADMIN_TOKEN
}

# show FORMAT ARGUMENTS...: like printf, but a reader who left, as `head` does, ends nothing.
show() {
    # shellcheck disable=SC2059 # passes on its own format
    printf "$@" 2>/dev/null || true
}

say() {
    show '%s\n' "$*"
}

warn() {
    printf 'holdfast: %s\n' "$*" >&2
}

fail() {
    warn "$*"
    exit 1
}

# random_hex BYTES: a secret that is safe in a URL.
random_hex() {
    od -An -v -tx1 -N"$1" /dev/urandom | tr -d ' \n'
}

# number VARIABLE DEFAULT LOWEST HIGHEST: the variable's value, checked.
number() {
    local value=${!1:-$2}
    if [[ ! $value =~ ^[0-9]{1,9}$ ]] || ((10#$value < $3 || 10#$value > $4)); then
        fail "$1 is \"$value\", which is not a whole number from $3 to $4"
    fi
    printf '%s' "$((10#$value))"
}

port_is_taken() {
    (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# port_owner PORT: " (name, pid N)" of whoever listens there, or nothing if that is not to be seen.
port_owner() {
    command -v ss >/dev/null 2>&1 || return 0
    ss -Hltnp "sport = :$1" 2>/dev/null \
        | sed -n 's/.*users:(("\([^"]*\)",pid=\([0-9]*\).*/ (\1, pid \2)/p' | head -n 1
}

# The ports given out by this script; a server that was told its port may not listen on it yet.
claimed_ports=' '

port_is_free() {
    [[ $claimed_ports != *" $1 "* ]] && ! port_is_taken "$1"
}

# The functions below leave their answer in `port`: in a subshell the claim would be lost.
port=

# claim_port PORT VARIABLE: claims exactly this one, or fails and says which variable chooses another.
claim_port() {
    port=$1
    if [[ $claimed_ports == *" $port "* ]]; then
        fail "port $port is needed twice; choose another one for $2"
    fi
    if port_is_taken "$port"; then
        fail "port $port is taken$(port_owner "$port")." \
            "Choose another: make start $2=$((port + 1)), or move all: make start PORT_OFFSET=1000"
    fi
    claimed_ports+="$port "
}

# claim_next_port PORT: claims the first free one from there upwards.
claim_next_port() {
    port=$1
    until port_is_free "$port"; do
        port=$((port + 1))
        ((port <= 65535)) || fail "no free port from $1 upwards"
    done
    claimed_ports+="$port "
}

# claim_any_port: claims a free one below those that the kernel gives to outgoing connections.
claim_any_port() {
    claim_next_port "$((20000 + RANDOM % 10000))"
}

# run_interruptibly COMMAND...: like the command alone, but a trap runs while it does, not after it.
# The command's process is in `foreground` meanwhile.
foreground=
run_interruptibly() {
    local status=0
    "$@" </dev/null &
    foreground=$!
    wait "$foreground" || status=$?
    foreground=
    return "$status"
}

end_foreground() {
    if [[ -n $foreground ]]; then
        kill -TERM "$foreground" 2>/dev/null || true
        wait "$foreground" 2>/dev/null || true
        foreground=
    fi
}

# One configuration for everything, so that `make run` and `make test` share what is built.
build_flags=(-c release -Xswiftc -enable-testing)

# build [FLAGS...]: builds, and sets `holdfast`, the executable.
build() {
    if [[ -n ${HOLDFAST:-} ]]; then
        holdfast=$HOLDFAST
    else
        say "Building (the first time takes some minutes) ..."
        run_interruptibly swift build --package-path "$root" "${build_flags[@]}" "$@" \
            || fail "the build failed"
        holdfast=$root/.build/release/holdfast
    fi
    [[ -x $holdfast ]] || fail "there is no executable $holdfast"
}
