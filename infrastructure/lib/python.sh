# shellcheck shell=bash
# Virtual environments for the tests that PyPI's packages make; to be sourced. Needs `root`, the checkout.

: "${root:?}"

# make_venv NAME REQUIREMENTS: makes .run/NAME, once for each state of the requirements; sets `venv`.
# PYTHON names another interpreter of version 3.10 or later.
make_venv() {
    local stamp
    venv=$root/.run/$1
    mkdir -p "$root/.run"
    exec 8>"$venv.lock"
    flock 8
    stamp=$venv/requirements-$(sha256sum "$2" | cut -c 1-16)
    if [[ ! -e $stamp ]]; then
        printf 'Installing packages of PyPI into %s\n' "$venv"
        "${PYTHON:-python3}" -m venv "$venv" || {
            printf 'no virtual environment could be made; on Debian: apt-get install python3-venv\n' >&2
            return 1
        }
        "$venv/bin/pip" install --quiet --disable-pip-version-check --no-input --retries 5 \
            -r "$2" </dev/null || {
            printf 'pip could not install what %s asks for\n' "$2" >&2
            return 1
        }
        touch "$stamp"
    fi
    exec 8>&-
}
