# shellcheck shell=bash
# Background processes that are known by name; to be sourced after common.sh.
#
# `run` is their directory: logs/NAME.log, pids/NAME.pid, and state/NAME.identity, which tells whether
# the process with that pid is still the one that was started: pids are used again.

: "${run:?}"

make_run_directory() {
    # Another user, as whom Postgres may run, has to get through, but need not see what is here.
    mkdir -p "$run"
    chmod 711 "$run"
    mkdir -p "$run/logs" "$run/pids" "$run/state" "$run/secrets"
    chmod 700 "$run/secrets"
}

# lock_run_directory SECONDS: one start or stop at a time. Children must close descriptor 9.
lock_run_directory() {
    exec 9>>"$run/lock"
    flock -w "$1" 9 || fail "another command is at work in $run"
}

unlock_run_directory() {
    exec 9>&-
}

# identity PID: when the process started, in which boot; fails if there is none, or only its remains.
identity() {
    local stat='' fields boot
    # To the end, not to the end of the line: the name in parentheses may contain anything. (And not
    # by $(<...), which ends bash 5.2 under `set -e` if the file is gone.)
    { IFS= read -r -d '' stat <"/proc/$1/stat" || [[ -n $stat ]]; } 2>/dev/null || return 1
    read -r -a fields <<<"${stat##*) }"
    [[ ${fields[0]} != [ZX] ]] || return 1
    boot=$(</proc/sys/kernel/random/boot_id)
    printf '%s %s\n' "$boot" "${fields[19]}"
}

# process_id NAME: the pid, if the process lives.
process_id() {
    local pid known
    { read -r pid <"$run/pids/$1.pid" && read -r known <"$run/state/$1.identity"; } 2>/dev/null \
        || return 1
    [[ $pid =~ ^[0-9]+$ && $(identity "$pid") == "$known" ]] || return 1
    printf '%s' "$pid"
}

is_alive() {
    process_id "$1" >/dev/null
}

# spawn NAME COMMAND...: starts a process in a session of its own, where Ctrl-C does not reach it.
started=()
declare -A log_begin=()
spawn() {
    local name=$1 pid
    shift
    log_begin[$name]=$(stat -c %s "$run/logs/$name.log" 2>/dev/null || printf 0)
    # Not a leader of its group yet, the shell's child becomes the command itself: no fork between.
    setsid "$@" </dev/null >>"$run/logs/$name.log" 2>&1 9>&- &
    pid=$!
    # Else the shell would tell when it is killed.
    disown "$pid"
    identity "$pid" >"$run/state/$name.identity" || true
    printf '%s\n' "$pid" >"$run/pids/$name.pid"
    started+=("$name")
}

# spawn_service NAME COMMAND...: the same for a process of ours. It shares the processors as a batch: when
# it wakes up it waits for its turn instead of interrupting another, so that more has gathered for it. Under
# load that is less work for each message, and steadier. Some sandboxes do not allow it.
as_batch=(chrt --batch 0)
"${as_batch[@]}" true 2>/dev/null || as_batch=()
spawn_service() {
    spawn "$1" ${as_batch[@]+"${as_batch[@]}"} "${@:2}"
}

# names KIND: those that were started and not stopped, dead or alive: KIND itself or KIND-1, KIND-2, ...
names() {
    local file
    for file in "$run/pids/$1.pid" "$run/pids/$1"-*.pid; do
        [[ ! -e $file ]] || basename "$file" .pid
    done | sort -V
}

# stop_processes SECONDS NAME...: asks them to end, waits, and kills those that do not.
stop_processes() {
    local deadline=$((SECONDS + $1)) name pid
    local -a left=() still
    shift
    for name in "$@"; do
        if pid=$(process_id "$name"); then
            # To Postgres, SIGTERM means: when all clients have left. SIGINT means: now, in order.
            if [[ $name == postgres ]]; then
                kill -INT "$pid" 2>/dev/null || true
            else
                kill -TERM "$pid" 2>/dev/null || true
            fi
            left+=("$name")
        fi
    done
    while [[ ${#left[@]} -gt 0 ]]; do
        still=()
        for name in "${left[@]}"; do
            ! is_alive "$name" || still+=("$name")
        done
        left=(${still[@]+"${still[@]}"})
        [[ ${#left[@]} -gt 0 ]] || break
        if ((SECONDS >= deadline)); then
            for name in "${left[@]}"; do
                warn "$name does not end, it is killed"
                if pid=$(process_id "$name"); then
                    # SIGQUIT makes Postgres end its children too.
                    [[ $name != postgres ]] || { kill -QUIT "$pid" 2>/dev/null && sleep 2; } || true
                    kill -KILL "$pid" 2>/dev/null || true
                fi
            done
            deadline=$((SECONDS + 5))
        fi
        sleep 0.1
    done
    for name in "$@"; do
        rm -f "$run/pids/$name.pid" "$run/state/$name.identity" "$run/state/$name"{,-health}.port
    done
}

# stop_everything: in the reverse order of the start.
stop_everything() {
    local kind
    local -a group
    for kind in gateway cart inventory broker redis postgres; do
        mapfile -t group < <(names "$kind")
        [[ ${#group[@]} -gt 0 ]] || continue
        say "Stopping ${group[*]}"
        stop_processes 30 "${group[@]}"
    done
}

# wait_until NAME SECONDS COMMAND...: waits until the command succeeds; if the process ends before, or
# the time is over, shows the end of its log and exits.
wait_until() {
    local name=$1 limit=$2 begin=$SECONDS trouble
    shift 2
    [[ ! -t 1 ]] || show '%-12s waiting' "$name"
    until "$@" >/dev/null 2>&1; do
        trouble=
        if ! is_alive "$name"; then
            trouble="$name ended while it was starting"
        elif ((SECONDS - begin >= limit)); then
            trouble="$name is not ready after $limit seconds"
        fi
        if [[ -n $trouble ]]; then
            [[ ! -t 1 ]] || show '\n'
            warn "$trouble. The end of $run/logs/$name.log:"
            tail -c "+$((${log_begin[$name]:-0} + 1))" "$run/logs/$name.log" | tail -n 20 \
                | sed 's/^/    /' >&2
            exit 1
        fi
        [[ ! -t 1 ]] || show '\r%-12s waiting, %s s' "$name" "$((SECONDS - begin))"
        sleep 0.1
    done
    [[ ! -t 1 ]] || show '\r'
    show '%-12s ready           \n' "$name"
}

answers() {
    curl -fsS --noproxy '*' --max-time 2 -o /dev/null "$1"
}
