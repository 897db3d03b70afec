#!/usr/bin/env bash
# Checks the style of the sources and scripts, and that nothing that is built is tracked.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scripts=(.ci/run infrastructure/*.sh infrastructure/*/*.sh)
status=0

swift format lint --strict --parallel --recursive Package.swift Sources Tests || status=1

for script in "${scripts[@]}"; do
    bash -n "$script" || status=1
done
if command -v shellcheck >/dev/null 2>&1; then
    shellcheck -x "${scripts[@]}" || status=1
else
    printf 'lint: no shellcheck at hand, scripts are only parsed\n'
fi

# A copy without its repository has nothing tracked.
if git rev-parse --is-inside-work-tree >/dev/null 2>&1; then
    built=$(git ls-files | grep -E '(^|/)(\.build|\.run|\.venv|__pycache__)/|\.(o|so|a|swiftmodule|log|pid)$' || true)
    if [[ -n $built ]]; then
        printf 'lint: tracked, but built or left by a run:\n%s\n' "$built" >&2
        status=1
    fi
fi

[[ $status -eq 0 ]] && printf 'lint: no complaints\n'
exit "$status"
