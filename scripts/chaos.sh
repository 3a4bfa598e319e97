#!/usr/bin/env bash
# The runs of tests/chaos.rs and the long one of tests/soak.rs, one after the other, each with a Postgres of its own that is killed,
# restarted or crowded. Ends with an error where a call was lost or a number dialled twice.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

OFFHOOK_SERVICES=$(mktemp -d /var/tmp/offhook-chaos.XXXXXX)
export OFFHOOK_SERVICES
chmod 711 "$OFFHOOK_SERVICES"
trap 'scripts/services.sh stop' EXIT
trap 'exit 130' INT TERM HUP

cargo build --workspace
services=$(scripts/services.sh start --fast)
eval "$services"
OFFHOOK_TEST_IMAGE=$(scripts/image.sh "$(programs debug)/offhook-worker" "chaos-$$")
export OFFHOOK_TEST_IMAGE
cargo test --quiet --workspace --test chaos --test soak --no-run
{
    printf '| run | calls | lost | dialled twice | held | calls/s before | after | ratio |\n|---|---|---|---|---|---|---|---|\n'
    cargo test --quiet --workspace --test chaos --test soak -- --ignored --nocapture --test-threads 1
} | grep -v '^$\|^running\|^test result'
DOCKER_HOST=$OFFHOOK_TEST_DOCKER_HOST docker image rm -f "$OFFHOOK_TEST_IMAGE" >/dev/null
