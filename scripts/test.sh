#!/usr/bin/env bash
# Everything that can be tested on one machine: real Postgres, a real Docker engine, real SIP and RTP on 127.0.0.1.
# Arguments go to the test runner. Ends with the runner's own summary.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

# A run that was killed could not clean up behind itself.
for left in /var/tmp/offhook-test.*; do
    if [ -O "$left" ] && [ -f "$left/owner" ] && ! kill -0 "$(cat "$left/owner")" 2>/dev/null; then
        OFFHOOK_SERVICES=$left scripts/services.sh stop
    fi
done

OFFHOOK_SERVICES=$(mktemp -d /var/tmp/offhook-test.XXXXXX)
export OFFHOOK_SERVICES
chmod 711 "$OFFHOOK_SERVICES"
printf '%s\n' $$ >"$OFFHOOK_SERVICES/owner"
finish() {
    # What is still starting is waited for, or it would be left behind.
    wait "$services" 2>/dev/null || true
    if [ -n "${OFFHOOK_TEST_IMAGE:-}" ]; then
        DOCKER_HOST=$OFFHOOK_TEST_DOCKER_HOST docker image rm -f "$OFFHOOK_TEST_IMAGE" >/dev/null 2>&1 || true
    fi
    scripts/services.sh stop
}

# They start while cargo builds.
scripts/services.sh start --fast >"$OFFHOOK_SERVICES/env" &
services=$!
trap finish EXIT
trap 'exit 130' INT TERM HUP
cargo build --workspace
wait "$services" || fail "the services did not start"
# shellcheck disable=SC1091
. "$OFFHOOK_SERVICES/env"

OFFHOOK_TEST_IMAGE=$(scripts/image.sh "$(programs debug)/offhook-worker" "test-$$")
export OFFHOOK_TEST_IMAGE
if cargo nextest --version >/dev/null 2>&1; then
    cargo nextest run --workspace --no-fail-fast "$@"
else
    cargo test --workspace --no-fail-fast "$@"
fi
