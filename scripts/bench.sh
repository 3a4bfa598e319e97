#!/usr/bin/env bash
# How small, how fast: the tables of benches/, measured from outside on release programs, a real Postgres that keeps what it
# is told (fsync on), and a real Docker engine.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

OFFHOOK_SERVICES=$(mktemp -d /var/tmp/offhook-bench.XXXXXX)
export OFFHOOK_SERVICES
chmod 711 "$OFFHOOK_SERVICES"
trap 'scripts/services.sh stop' EXIT
trap 'exit 130' INT TERM HUP

cargo build --release --workspace
cargo bench --workspace --bench calls --no-run
cargo bench --workspace --bench claims --no-run
cargo bench --workspace --bench media --no-run
services=$(scripts/services.sh start)
eval "$services"
OFFHOOK_TEST_IMAGE=$(scripts/image.sh "$(programs release)/offhook-worker" "bench-$$")
export OFFHOOK_TEST_IMAGE
cargo bench --quiet --workspace --bench calls
cargo bench --quiet --workspace --bench claims
cargo bench --quiet --workspace --bench media
DOCKER_HOST=$OFFHOOK_TEST_DOCKER_HOST docker image rm -f "$OFFHOOK_TEST_IMAGE" >/dev/null
