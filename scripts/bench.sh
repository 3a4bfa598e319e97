#!/usr/bin/env bash
# How small, how fast: the tables of benches/, measured from outside on release programs, a real Postgres that keeps what it
# is told (fsync on), and a real Docker engine.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run_services.sh"
cd "$root"

private_services

cargo build --release --workspace
cargo bench --workspace --bench calls --no-run
cargo bench --workspace --bench claims --no-run
cargo bench --workspace --bench media --no-run
start_services
OFFHOOK_TEST_IMAGE=$(run_image "$(programs release)/offhook-worker")
export OFFHOOK_TEST_IMAGE
cargo bench --quiet --workspace --bench calls
cargo bench --quiet --workspace --bench claims
cargo bench --quiet --workspace --bench media
