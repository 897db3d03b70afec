#!/usr/bin/env bash
# Sends a running gateway what its OpenAPI document allows, and what it does not, and compares the answers with
# the document. GATEWAY_URL and ADMIN_TOKEN name the gateway; EXAMPLES=N makes as many requests per operation
# (default 60), SEED=N repeats a run, PYTHON names another interpreter. Arguments go to schemathesis.
set -euo pipefail

directory=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd "$directory/../.." && pwd -P)
# shellcheck source=infrastructure/lib/python.sh
source "$directory/../lib/python.sh"

: "${GATEWAY_URL:?}" "${ADMIN_TOKEN:?}"

ask() {
    # The token travels by standard input, so that `ps` does not show it.
    printf 'header = "Authorization: Bearer %s"\n' "$ADMIN_TOKEN" \
        | curl -sS --noproxy '*' --fail-with-body --max-time 30 -K - "$@"
}

make_venv venv-schemathesis "$directory/requirements.txt"
mkdir -p "$root/.run/schemathesis"
# What schemathesis leaves behind, it leaves there.
cd "$root/.run/schemathesis"

ask -o openapi.json "$GATEWAY_URL/openapi.json"
"$venv/bin/openapi-spec-validator" openapi.json

# The products and the cart that the document's examples name.
ask -o seeded.json -H 'Content-Type: text/csv' \
    --data-binary "@$root/infrastructure/sample-inventory.csv" "$GATEWAY_URL/migration/inventory"
ask -o added.json -H 'Content-Type: application/json' \
    --data '{"userID":"ada","productCode":"HRD001","quantity":1}' "$GATEWAY_URL/cart/items"

checks=(
    not_a_server_error status_code_conformance content_type_conformance response_headers_conformance
    response_schema_conformance negative_data_rejection missing_required_header unsupported_method
    ignored_auth
)
export PYTHONDONTWRITEBYTECODE=1 PYTHONUNBUFFERED=1
exec "$venv/bin/schemathesis" --config-file "$directory/schemathesis.toml" \
    run "$GATEWAY_URL/openapi.json" --checks "$(IFS=,; printf %s "${checks[*]}")" --header "Authorization: Bearer $ADMIN_TOKEN" \
    --max-examples "${EXAMPLES:-60}" --seed "${SEED:-$RANDOM}" --request-timeout 20 --continue-on-failure \
    --warnings off --no-color "$@" </dev/null
