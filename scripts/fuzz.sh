#!/usr/bin/env bash
# Every target in fuzz/ for FUZZ_SECONDS (60) each, from the corpus in the repository. What is found new stays out of the
# repository; an input that crashes is left in fuzz/artifacts, and ends the script with its failure.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

seconds=${FUZZ_SECONDS:-60}
install_tool cargo-fuzz 0.13.2
# libFuzzer's hooks are options of an unstable compiler; a stable one has them too, and has to be asked.
toolchain=()
if rustup toolchain list 2>/dev/null | grep -q '^nightly'; then
    toolchain=(+nightly)
else
    export RUSTC_BOOTSTRAP=1
fi
# No memory checks: all our code is safe, and without them it is twice as fast.
run() { cargo "${toolchain[@]}" fuzz "$@"; }
export ARCH_TARGET
ARCH_TARGET=$(rustc --print host-tuple)

targets=${FUZZ_TARGETS:-$(run list)}
found=$(mktemp -d)
trap 'rm -rf "$found"' EXIT
failed=()
for target in $targets; do
    mkdir -p "$found/$target" "fuzz/corpus/$target"
    say "$target for $seconds s"
    run run --sanitizer none --target "$ARCH_TARGET" "$target" "$found/$target" "fuzz/corpus/$target" -- \
        -max_total_time="$seconds" -max_len="${FUZZ_MAX_LEN:-8192}" -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 || failed+=("$target")
done
[ "${#failed[@]}" = 0 ] || fail "crashed: ${failed[*]}; the inputs are in fuzz/artifacts"
say "no crash"
