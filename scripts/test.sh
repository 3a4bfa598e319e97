#!/usr/bin/env bash
# Everything that can be tested on one machine: real Postgres, a real Docker engine, real SIP and RTP on 127.0.0.1.
# Arguments go to the test runner. Ends with the runner's own summary.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run_services.sh"
cd "$root"

private_services
# They start while cargo builds.
scripts/services.sh start --fast >"$OFFHOOK_SERVICES/env" &
services=$!
finish() {
    # What is still starting is waited for, or it would be left behind.
    wait "$services" 2>/dev/null || true
    end_run
}
trap finish EXIT
cargo build --workspace
wait "$services" || fail "the services did not start"
# shellcheck disable=SC1091
. "$OFFHOOK_SERVICES/env"

OFFHOOK_TEST_IMAGE=$(run_image "$(programs debug)/offhook-worker")
export OFFHOOK_TEST_IMAGE
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast "$@"
else
    cargo test --workspace --no-fail-fast "$@"
fi
