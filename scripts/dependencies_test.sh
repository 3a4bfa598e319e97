#!/usr/bin/env bash
# Tests dependencies.sh: a small workspace passes, and each thing it must find, put into that workspace, makes it fail and is named.
set -euo pipefail
. "$(dirname "$0")/common.sh"

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
database=$folder/database
advisory_database "$database" no-such-crate

# A workspace of one crate, which uses one crate of the registry that this workspace uses too.
workspace() {
    rm -rf "$folder/workspace" "$folder/copies"
    mkdir -p "$folder/workspace/src" "$folder/workspace/stranger/src"
    cat >"$folder/workspace/Cargo.toml" <<'TOML'
[workspace]
members = ["stranger"]

[workspace.dependencies]
cfg-if = "1"

[package]
name = "seeded"
version = "0.0.0"
edition = "2024"
license = "MIT"
publish = false

[dependencies]
cfg-if.workspace = true
TOML
    cat >"$folder/workspace/stranger/Cargo.toml" <<'TOML'
[package]
name = "stranger"
version = "0.0.0"
edition = "2024"
license = "MIT"
publish = false
TOML
    echo 'cfg_if::cfg_if! { if #[cfg(unix)] { pub fn unix() {} } }' >"$folder/workspace/src/lib.rs"
    touch "$folder/workspace/stranger/src/lib.rs"
}

# Runs the checks; `result` is "passed" or "failed", `output` what they said.
checks() {
    (cd "$folder/workspace" && cargo generate-lockfile --offline --quiet)
    result=passed
    output=$(OFFHOOK_ADVISORIES=$folder/copies advisories_from "$database" "$root/scripts/dependencies.sh" "$folder/workspace" 2>&1) ||
        result=failed
}

# What the result must be, and what must be said.
expect() {
    if [ "$result" = "$1" ] && [[ $output == *"$2"* ]]; then
        say "$3: $1, and says \"$2\""
    else
        printf '%s\n' "$output" >&2
        fail "$3: $result, and \"$2\" was expected of one that $1"
    fi
}

workspace
checks
expect passed "dependencies: clean" "a workspace without faults"
[[ $output != *"NOT CHECKED: advisories"* ]] || fail "the database was there, and the advisories were not checked"

workspace
sed -i 's/license = "MIT"/license = "AGPL-3.0-only"/' "$folder/workspace/stranger/Cargo.toml"
checks
expect failed "FOUND: licences, bans and sources" "a licence that deny.toml does not list"

workspace
: >"$folder/workspace/src/lib.rs"
checks
expect failed "FOUND: unused dependencies" "a dependency that no source file names"

workspace
sed -i 's/^cfg-if = "1"/&\nserde = "1"/' "$folder/workspace/Cargo.toml"
checks
expect failed "FOUND: unused shared dependencies" "a shared dependency that no member asks for"

advisory_database "$folder/known" cfg-if
workspace
database=$folder/known checks
expect failed "FOUND: advisories" "a known advisory"
expect failed "RUSTSEC-2099-0001" "the advisory's number"

# The copy of the last time is still there.
database=$folder/nowhere checks
expect failed "NOT CHECKED: advisories since" "a known advisory, and a database that cannot be reached any more"
expect failed "RUSTSEC-2099-0001" "the advisory's number"

workspace
database=$folder/nowhere checks
expect passed "NOT CHECKED: advisories" "a database that cannot be reached"
expect passed "clean, but for what could not be checked" "the last line"
say "each fault is found"
