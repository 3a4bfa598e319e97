#!/usr/bin/env bash
# What is checked without running anything: format, clippy, licences and advisories, the scripts themselves.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

cargo fmt --all --check
cargo clippy --workspace --all-targets -- -D warnings
if command -v cargo-deny >/dev/null; then
    cargo deny --workspace check bans licenses sources
    # Advisories need the network; a machine without it says so.
    cargo deny --workspace check advisories || say "advisories not checked, or some to look at: see above"
else
    say "skipped: cargo-deny is not installed (cargo install cargo-deny --locked)"
fi
if command -v shellcheck >/dev/null; then
    shellcheck -x -P SCRIPTDIR scripts/*.sh .ci/run
else
    say "skipped: shellcheck is not installed (scripts/setup.sh)"
fi
say "clean"
