#!/usr/bin/env bash
# What is checked without running anything: format, clippy, dependencies (scripts/dependencies.sh), the scripts themselves.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
shellcheck -x -P SCRIPTDIR scripts/*.sh docker/*.sh .ci/run
say "format, clippy and scripts: clean"
scripts/dependencies_test.sh
scripts/dependencies.sh
