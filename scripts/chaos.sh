#!/usr/bin/env bash
# The runs of tests/chaos.rs and the long one of tests/soak.rs, one after the other, each with a Postgres of its own that is killed,
# restarted or crowded. Ends with an error where a call was lost or a number dialled twice.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run_services.sh"
cd "$root"

private_services

cargo build --workspace
start_fast_services
OFFHOOK_TEST_IMAGE=$(run_image "$(programs debug)/offhook-worker")
export OFFHOOK_TEST_IMAGE
cargo test --quiet --workspace --test chaos --test soak --no-run
{
    printf '| run | calls | lost | dialled twice | held | calls/s before | after | ratio |\n|---|---|---|---|---|---|---|---|\n'
    cargo test --quiet --workspace --test chaos --test soak -- --ignored --nocapture --test-threads 1
} | grep -v '^$\|^running\|^test result'
