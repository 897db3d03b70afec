#!/usr/bin/env bash
# Installs what the suite needs from Debian's packages. Does nothing if nothing is missing.
set -euo pipefail

packages=(
    pkg-config librdkafka-dev libpq-dev libhiredis-dev libhttp-parser-dev libwslay-dev libssl-dev
    libjemalloc-dev
    postgresql redis-server kcat curl ca-certificates
)

fail() {
    printf 'install: %s\n' "$*" >&2
    exit 1
}

if ! command -v swift >/dev/null 2>&1; then
    fail "no 'swift' in PATH. Install Swift 6.2 or later: https://www.swift.org/install/linux/"
fi

if ! command -v dpkg-query >/dev/null 2>&1; then
    printf 'install: not a Debian system, nothing checked; needed are: %s\n' "${packages[*]}" >&2
    exit 0
fi

# The compatibility tests of the broker run in a virtual environment; any Python that can make one will do.
if ! python3 -c 'import ensurepip, venv' >/dev/null 2>&1; then
    packages+=(python3 python3-venv)
fi

missing=()
for package in "${packages[@]}"; do
    # shellcheck disable=SC2016 # dpkg-query expands it
    status=$(dpkg-query -W -f '${db:Status-Abbrev}' "$package" 2>/dev/null || true)
    [[ $status == ?i* ]] || missing+=("$package")
done
[[ ${#missing[@]} -gt 0 ]] || exit 0

printf 'Installing from Debian: %s\n' "${missing[*]}"

as_root=()
if [[ $EUID -ne 0 ]]; then
    command -v sudo >/dev/null 2>&1 \
        || fail "neither root nor sudo at hand; as root: apt-get install ${missing[*]}"
    # Without a terminal nobody can type a password, so sudo must not ask.
    as_root=(sudo)
    if [[ ! -t 0 ]] && ! sudo -n true 2>/dev/null; then
        fail "sudo asks for a password, and there is no terminal to type it;" \
            "as root: apt-get install ${missing[*]}"
    fi
fi

# The suite runs servers of its own. While packages are set up, Debian's shall not be started:
# that is what this file tells Debian's scripts; one that is there already is left alone.
policy=/usr/sbin/policy-rc.d
made_policy=no
clean_up() {
    if [[ $made_policy == yes ]]; then
        "${as_root[@]}" rm -f "$policy"
    fi
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP
if [[ ! -e $policy ]]; then
    made_policy=yes
    printf '#!/bin/sh\nexit 101\n' | "${as_root[@]}" tee "$policy" >/dev/null
    "${as_root[@]}" chmod 755 "$policy"
fi

apt() {
    "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive LC_ALL=C \
        apt-get -qq -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 "$@" </dev/null
}
apt update || printf 'install: apt-get update failed, trying with the lists at hand\n' >&2
apt install --no-install-recommends "${missing[@]}" \
    || fail "apt-get could not install: ${missing[*]}"
