#!/usr/bin/env bash
# What a workspace depends on: licences, banned crates and sources (deny.toml), unused dependencies, yanked versions, and known
# advisories (RustSec). Fails on each finding. What could not be checked because its data cannot be reached is no finding; it is named,
# and the last line says so. The argument is the folder of another workspace than this.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "${1:-$root}"

# Where cargo-deny keeps its copy of the database of advisories (deny.toml).
export OFFHOOK_ADVISORIES=${OFFHOOK_ADVISORIES:-${CARGO_HOME:-$HOME/.cargo}/advisory-dbs}

found=()
unchecked=()

# Runs a check, and notes its name if it fails.
check() {
    local name=$1
    shift
    if "$@" >&2; then say "$name: nothing found"; else found+=("$name"); fi
}

run_deny() { cargo deny --workspace --locked --config "$root/deny.toml" "$@"; }

# Entries of [workspace.dependencies] that no member asks for.
shared_dependencies_are_used() {
    local manifests name unused=0
    mapfile -t manifests < <(cargo metadata --locked --no-deps --format-version 1 | jq -r '.packages[].manifest_path')
    while read -r name; do
        if ! grep -qE "^$name(\.workspace| *= *\{.*workspace) *= *true" "${manifests[@]}"; then
            echo "Cargo.toml: no member depends on $name of [workspace.dependencies]"
            unused=1
        fi
    done < <(sed -n '/^\[workspace\.dependencies\]/,/^\[/s/^\([A-Za-z0-9_-]\{1,\}\) *=.*/\1/p' Cargo.toml)
    return "$unused"
}

# cargo-deny looks yanked versions up only where it has a database: without one it gets a database of a crate that nobody has.
yanked_versions() {
    local folder result=0
    folder=$(mktemp -d)
    advisory_database "$folder/database" no-such-crate
    OFFHOOK_ADVISORIES=$folder/copies advisories_from "$folder/database" run_deny fetch db &&
        OFFHOOK_ADVISORIES=$folder/copies run_deny --offline check advisories || result=1
    rm -rf "$folder"
    return "$result"
}

known_advisories() {
    local copy
    # What the registry says today of the versions in the lock file; nothing is changed.
    cargo update --dry-run --quiet >/dev/null 2>&1 || unchecked+=("yanked versions of today: the registry cannot be reached")
    if timeout 300 cargo deny --config "$root/deny.toml" fetch db >&2; then
        check "advisories and yanked versions" run_deny --offline check advisories
        return
    fi
    copy=$(find "$OFFHOOK_ADVISORIES" -path '*/advisory-db-*/.git' -prune -print -quit 2>/dev/null || true)
    if [ -n "$copy" ]; then
        unchecked+=("advisories since $(git --git-dir "$copy" log -1 --format=%cs): the database cannot be reached")
        check "advisories until then, and yanked versions" run_deny --offline check advisories
    else
        unchecked+=("advisories: the database cannot be reached")
        check "yanked versions" yanked_versions
    fi
}

install_tool cargo-deny 0.20.2
install_tool cargo-machete 0.9.2
check "licences, bans and sources" run_deny check bans licenses sources
check "unused dependencies" cargo machete
check "unused shared dependencies" shared_dependencies_are_used
known_advisories

for name in "${unchecked[@]}"; do say "NOT CHECKED: $name"; done
if [ "${#found[@]}" != 0 ]; then
    for name in "${found[@]}"; do say "FOUND: $name"; done
    fail "see above"
fi
if [ "${#unchecked[@]}" = 0 ]; then say "clean"; else say "clean, but for what could not be checked"; fi
