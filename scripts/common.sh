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
