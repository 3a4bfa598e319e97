# Sourced by the other scripts: where things are, and how they speak.
# shellcheck shell=bash

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
export root

say() { printf '%s: %s\n' "$(basename "$0" .sh)" "$*" >&2; }
fail() {
    say "$*"
    exit 1
}

# Runs a command as root: directly, or through sudo where that needs no password or there is somebody to type it.
as_root() {
    if [ "$(id -u)" = 0 ]; then
        "$@"
    elif command -v sudo >/dev/null && { [ -t 0 ] || sudo -n true 2>/dev/null; }; then
        sudo "$@"
    else
        fail "this needs root: run it as root, or give this user sudo ($*)"
    fi
}

# Where cargo puts the programs of a profile: everything is built for an explicit target (.cargo/config.toml).
programs() {
    local target
    target=${CARGO_TARGET_DIR:-$root/target}
    printf '%s/%s/%s\n' "$target" "$(rustc --print host-tuple)" "$1"
}

# A TCP port nobody listens on. Somebody may still take it before us: the caller tries again with another one.
free_port() {
    local port
    while :; do
        port=$((20500 + RANDOM % 8000))
        (exec 3<>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || break
    done
    printf '%s\n' "$port"
}

# Installs a cargo subcommand that is missing. Whoever has another version keeps it.
install_tool() {
    if ! command -v "$1" >/dev/null; then
        say "installing $1 $2"
        cargo install "$1" --locked --version "=$2" >&2
    fi
}

# A database of advisories in this folder, as RustSec's is laid out. It has one: every version of this crate.
advisory_database() {
    mkdir -p "$1/crates/$2"
    # shellcheck disable=SC2016 # the quotes are Markdown's
    printf '```toml\n[advisory]\nid = "RUSTSEC-2099-0001"\npackage = "%s"\ndate = "2026-01-01"\n\n[versions]\npatched = []\n```\n\n# %s\n' \
        "$2" "Made up for a check" >"$1/crates/$2/RUSTSEC-2099-0001.md"
    git -C "$1" init --quiet --initial-branch=main
    git -C "$1" add .
    git -C "$1" -c user.name=offhook -c user.email=offhook@localhost commit --quiet --message "Advisories"
}

# Runs a command that fetches the advisories from this folder instead of RustSec's repository.
advisories_from() {
    local folder=$1
    shift
    GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0="url.file://$folder.insteadOf" GIT_CONFIG_VALUE_0=https://github.com/RustSec/advisory-db "$@"
}
