#!/usr/bin/env bash
# Installs offhook on this machine, or upgrades it: programs, the worker's image, a systemd unit, a file with every setting.
#   scripts/install.sh              as root, or as a user with sudo (make install)
#   scripts/install.sh uninstall    removes what it brought; settings, secrets, recordings and the database stay (make uninstall)
#
# May be run again at any time. A setting or a secret is never overwritten; a new program takes the place of the old one only when
# everything it needs is there; a coordinator that runs hands its calls over, and none is dropped.
#
#   PREFIX=/usr/local     programs go to PREFIX/bin, the unit to PREFIX/lib/systemd/system
#   SYSCONFDIR=/etc       settings go to SYSCONFDIR/offhook
#   DESTDIR=              everything goes below this folder, and nothing outside it is touched: no packages, image, migration, unit
#   LAUNCHER=docker       process: without Docker; workers are processes of the machine
#   PROGRAMS=             a folder with built programs; nothing is built then
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

destination=${DESTDIR:-}
prefix=${PREFIX:-/usr/local}
configuration=${SYSCONFDIR:-/etc}/offhook
launcher=${LAUNCHER:-docker}
settings=$destination$configuration/offhook.env
bin=$destination$prefix/bin
unit=$destination$prefix/lib/systemd/system/offhook.service

# Into a folder of one's own nobody needs to be root.
privileged() { if [ -n "$destination" ]; then "$@"; else as_root "$@"; fi; }
is_set() { privileged grep -q "^ *$1 *=" "$settings" 2>/dev/null; }
systemd_runs() { [ -z "$destination" ] && [ -d /run/systemd/system ]; }
unit_runs() { systemd_runs && systemctl is-active --quiet offhook.service; }

# Under sudo the programs are built by whoever the checkout belongs to: that user has Rust, and keeps the target folder.
build() {
    local owner home
    owner=$(stat -c %U "$root")
    if [ "$(id -u)" = 0 ] && [ "$owner" != root ] && [ "$owner" != UNKNOWN ]; then
        home=$(getent passwd "$owner" | cut -d: -f6)
        runuser -u "$owner" -- env HOME="$home" PATH="$home/.cargo/bin:$PATH" "$@"
    else
        PATH="${CARGO_HOME:-$HOME/.cargo}/bin:$PATH" "$@"
    fi
}

# A program appears whole: it is written beside its place and moved there. One that runs goes on with the file it was started from.
place_program() {
    privileged install -D -m 755 "$1" "$2.new"
    privileged mv -f "$2.new" "$2"
}

install_everything() {
    local programs=${PROGRAMS:-} program
    case $launcher in docker | process) ;; *) fail "LAUNCHER is docker or process" ;; esac
    if [ -z "$programs" ]; then
        [ -n "$destination" ] || scripts/setup.sh build
        build sh -c 'command -v cargo >/dev/null' || fail "Rust is not installed: see https://rustup.rs, then run make install again"
        say "building; the first time takes some minutes"
        build cargo build --release -p offhook-coordinator -p offhook-worker
        programs=$(build bash -c '. scripts/common.sh && programs release')
    fi
    for program in offhook offhook-worker; do
        [ -x "$programs/$program" ] || fail "$programs/$program is not there: build it, or leave PROGRAMS out"
    done
    OFFHOOK_SETTINGS='' "$programs/offhook" --version >/dev/null || fail "$programs/offhook does not run on this machine; nothing was changed"

    # An installation that says how it starts workers is asked; LAUNCHER counts for a new one.
    ! is_set OFFHOOK_LAUNCHER || launcher=$(privileged sed -n 's/^ *OFFHOOK_LAUNCHER *= *//p' "$settings")
    [ ! -e "$settings" ] || privileged env OFFHOOK_SETTINGS="$settings" "$programs/offhook" settings --check >/dev/null ||
        fail "the new program cannot use $settings; the programs that are installed stay as they are"
    if [ -z "$destination" ]; then
        if [ "$launcher" = docker ]; then worker_image "$programs"; fi
        # The old program works with the new schema; the new one would not start on the old schema.
        if is_set OFFHOOK_DATABASE_URL_FILE || is_set OFFHOOK_DATABASE_URL; then
            as_root env OFFHOOK_SETTINGS="$settings" "$programs/offhook" migrate ||
                fail "the database is not migrated; the programs that are installed stay as they are"
        fi
    fi

    place_program "$programs/offhook-worker" "$bin/offhook-worker"
    place_program "$programs/offhook" "$bin/offhook"
    privileged install -d -m 755 "$destination$configuration"
    privileged install -d -m 700 "$destination$configuration/secrets"
    local new=(--set "OFFHOOK_SECRETS=$configuration/secrets")
    [ "$launcher" = docker ] || new+=(--set "OFFHOOK_LAUNCHER=$launcher" --set "OFFHOOK_WORKER_PROGRAM=$prefix/bin/offhook-worker")
    # A file that is there gets what this version has new, and nothing that is set in it changes.
    [ ! -e "$settings" ] || new=()
    privileged env OFFHOOK_SETTINGS="$settings" "$bin/offhook" settings --write "${new[@]}" >&2
    sed -e "s|/etc/offhook/|$configuration/|" -e "s|/usr/local/bin/|$prefix/bin/|" systemd/offhook.service |
        privileged install -D -m 644 /dev/stdin "$unit.new"
    privileged mv -f "$unit.new" "$unit"

    if [ -n "$destination" ]; then
        say "installed below $destination"
    elif unit_runs; then
        as_root systemctl daemon-reload
        as_root systemctl reload offhook.service
        say "upgraded; the new coordinator takes the calls under way over"
    elif systemd_runs; then
        as_root systemctl daemon-reload
        say "installed; now run: offhook setup"
    else
        say "installed; systemd does not run here (a container, perhaps), so start it yourself after \`offhook setup\`: offhook run"
    fi
}

worker_image() {
    scripts/setup.sh engine
    export DOCKER_HOST=${DOCKER_HOST:-unix:///var/run/docker.sock}
    if ! as_root docker -H "$DOCKER_HOST" info >/dev/null 2>&1 && systemd_runs; then as_root systemctl enable --now docker.service; fi
    as_root docker -H "$DOCKER_HOST" info >/dev/null 2>&1 ||
        fail "no Docker engine answers at $DOCKER_HOST: start it (dockerd), or install without it: make install LAUNCHER=process"
    as_root env DOCKER_HOST="$DOCKER_HOST" scripts/image.sh "$1/offhook-worker" latest >/dev/null
}

uninstall_everything() {
    if systemd_runs && systemctl cat offhook.service >/dev/null 2>&1; then
        ! unit_runs || say "stopping; calls under way are waited for"
        as_root systemctl disable --now offhook.service
    fi
    privileged rm -f "$bin/offhook" "$bin/offhook-worker" "$unit"
    if systemd_runs; then as_root systemctl daemon-reload; fi
    if [ -z "$destination" ] && command -v docker >/dev/null; then
        as_root docker image rm offhook-worker:latest >/dev/null 2>&1 || true
    fi
    say "removed; settings and secrets ($destination$configuration), recordings (OFFHOOK_SPOOL, ${destination}/var/lib/offhook) and the database stay"
}

case ${1:-install} in
install) install_everything ;;
uninstall) uninstall_everything ;;
*) fail "use install or uninstall" ;;
esac
