#!/usr/bin/env bash
# Installs offhook on this machine, or upgrades it: programs, the worker's image, a systemd unit, a file with every setting.
#   scripts/install.sh              as root, or as a user with sudo (make install)
#   scripts/install.sh uninstall    removes what it brought; settings, secrets, recordings and the database stay (make uninstall)
#
# May be run again at any time. A setting or a secret is never overwritten; a new program takes the place of the old one only when
# everything it needs is there; a coordinator that runs hands its calls over, and none is dropped.
#
#   PREFIX=/usr/local     programs go to PREFIX/bin, the unit to PREFIX/lib/systemd/system; an upgrade keeps the one of before
#   SYSCONFDIR=/etc       settings go to SYSCONFDIR/offhook; give it again with an upgrade
#   DESTDIR=              everything goes below this folder, and nothing outside it is touched: no packages, image, migration, unit
#   LAUNCHER=docker       process: without Docker; workers are processes of the machine. An upgrade keeps what the settings say
#   PROGRAMS=             a folder with built programs; nothing is built then
#   FORCE=                yes: uninstall although a coordinator or a worker runs
#
# A place or a launcher that is not the one of the installation that is there is refused, with what to do.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

destination=${DESTDIR:-}
configuration=${SYSCONFDIR:-/etc}/offhook
settings=$destination$configuration/offhook.env
# Says where the programs of this installation are.
record=$destination$configuration/installed

# Into a folder of one's own nobody needs to be root.
privileged() { if [ -n "$destination" ]; then "$@"; else as_root "$@"; fi; }
is_set() { privileged grep -q "^ *$1 *=" "$settings" 2>/dev/null; }
# The value of a setting in the file, or $2 where it has none.
setting() {
    local value
    value=$(privileged sed -n "s/^ *$1 *= *//p" "$settings" 2>/dev/null | tail -n 1 | sed 's/[[:space:]]*$//; s/^"\(.*\)"$/\1/')
    printf '%s\n' "${value:-$2}"
}
systemd_runs() { [ -z "$destination" ] && [ -d /run/systemd/system ]; }
unit_runs() { systemd_runs && systemctl is-active --quiet offhook.service; }

recorded=$(sed -n 's/^PREFIX=//p' "$record" 2>/dev/null || true)
prefix=${PREFIX:-${recorded:-/usr/local}}
bin=$destination$prefix/bin
unit=$destination$prefix/lib/systemd/system/offhook.service
launcher=${LAUNCHER:-docker}
[ ! -e "$settings" ] || launcher=$(setting OFFHOOK_LAUNCHER docker)

# Refuses places and a launcher that are not those of the installation that is there: half of it would stay as it was, and run on.
same_installation() {
    local named there
    if [ -n "$recorded" ] && [ "$recorded" != "$prefix" ]; then
        fail "$configuration belongs to programs in $recorded/bin: give PREFIX=$recorded, or leave it out; to move them, first: make uninstall PREFIX=$recorded"
    fi
    named=$(sed -n 's/^Environment=OFFHOOK_SETTINGS=//p' "$unit" 2>/dev/null || true)
    if [ -n "$named" ] && [ "$named" != "$configuration/offhook.env" ]; then
        fail "the programs in $prefix/bin run with $named: give SYSCONFDIR=$(dirname "$(dirname "$named")"); for another folder, first: make uninstall SYSCONFDIR=$(dirname "$(dirname "$named")")"
    fi
    if systemd_runs; then
        there=$(realpath -m "$(systemctl show -P FragmentPath offhook.service 2>/dev/null || true)" 2>/dev/null || true)
        case $there in
        "$(realpath -m "$unit")") ;;
        */lib/systemd/system/offhook.service) fail "offhook is installed with PREFIX=${there%/lib/systemd/system/offhook.service}: give that, or uninstall it first" ;;
        esac
    fi
}

# Processes of this machine (no container's) that were started from the programs in their places, also from an older file of the same
# name. $1 is the program, $2 a word of its command line, or nothing.
processes_of() {
    # shellcheck disable=SC2016 # expanded by the shell that may look at every process
    privileged bash -c '
        for process in /proc/[0-9]*; do
            case $(readlink "$process/exe" 2>/dev/null) in "$1" | "$1 (deleted)") ;; *) continue ;; esac
            [ "$process/root" -ef / ] || continue
            [ -z "$2" ] || tr "\0" "\n" <"$process/cmdline" | grep -qx -- "$2" || continue
            printf "%s\n" "${process#/proc/}"
        done' processes "$(realpath -m "$bin/$1")" "${2:-}"
}

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
    case ${LAUNCHER:-$launcher} in docker | process) ;; *) fail "LAUNCHER is docker or process" ;; esac
    same_installation
    if [ -n "${LAUNCHER:-}" ] && [ "$LAUNCHER" != "$launcher" ]; then
        fail "this installation starts workers with OFFHOOK_LAUNCHER=$launcher, as $settings says or leaves out; nothing was changed." \
            "To change that, write OFFHOOK_LAUNCHER=$LAUNCHER into it$([ "$LAUNCHER" = docker ] || printf ' and %s' "OFFHOOK_WORKER_PROGRAM=$prefix/bin/offhook-worker"), then run make install again"
    fi
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
    printf 'PREFIX=%s\n' "$prefix" | privileged install -m 644 /dev/stdin "$record.new"
    privileged mv -f "$record.new" "$record"
    say_what_is_next
}

# Ends the installation: hands over to the new program, or says how.
say_what_is_next() {
    local hand='' old worker
    # `offhook` alone reads /etc/offhook/offhook.env.
    [ "$configuration" = /etc/offhook ] || hand="OFFHOOK_SETTINGS=$configuration/offhook.env "
    case ":$PATH:" in *":$prefix/bin:"*) hand+=offhook ;; *) hand+=$prefix/bin/offhook ;; esac
    [ "$configuration" = /etc/offhook ] ||
        say "the settings are in $configuration: give every command by hand OFFHOOK_SETTINGS=$configuration/offhook.env, and make install and make uninstall SYSCONFDIR=${configuration%/offhook}"
    worker=$(setting OFFHOOK_WORKER_PROGRAM "$prefix/bin/offhook-worker")
    if [ "$launcher" = process ] && [ "$worker" != "$prefix/bin/offhook-worker" ]; then
        say "workers are started from OFFHOOK_WORKER_PROGRAM=$worker, as $settings says, and not from $prefix/bin"
    fi
    if systemd_runs; then
        as_root systemctl daemon-reload
        # Elsewhere systemd does not look for units.
        case $prefix in /usr | /usr/local) ;; *) as_root systemctl link "$unit" ;; esac
    fi
    old=$(unit_runs || processes_of offhook run | paste -sd ' ')

    if [ -n "$destination" ]; then
        say "installed below $destination"
    elif unit_runs; then
        as_root systemctl reload offhook.service
        say "upgraded; the new coordinator takes the calls under way over"
    elif systemd_runs; then
        say "installed; now run: $hand setup"
    elif [ -z "$old" ]; then
        say "installed; systemd does not run here (a container, perhaps), so start it yourself after \`$hand setup\`: $hand run"
    fi
    if [ -n "$old" ]; then
        say "a coordinator of before still runs (process $old), with the old program. Replace it: kill -HUP $old ends it at once and ends no call," \
            "then start \`$hand run\` as before: it takes the calls under way over"
    fi
}

worker_image() {
    scripts/setup.sh engine
    local named
    # The engine that runs the workers is the one that needs the image.
    DOCKER_HOST=${DOCKER_HOST:-$(setting OFFHOOK_DOCKER_HOST unix:///var/run/docker.sock)}
    export DOCKER_HOST
    named=$(setting OFFHOOK_IMAGE offhook-worker:latest)
    [ "$named" = offhook-worker:latest ] ||
        say "calls use OFFHOOK_IMAGE=$named, as $settings says, and not the image that is built here, offhook-worker:latest: tag it so, or push it there"
    if ! as_root docker -H "$DOCKER_HOST" info >/dev/null 2>&1 && systemd_runs; then as_root systemctl enable --now docker.service; fi
    as_root docker -H "$DOCKER_HOST" info >/dev/null 2>&1 ||
        fail "no Docker engine answers at $DOCKER_HOST: start it (dockerd), or install without it: make install LAUNCHER=process"
    as_root env DOCKER_HOST="$DOCKER_HOST" scripts/image.sh "$1/offhook-worker" latest >/dev/null
}

uninstall_everything() {
    local running there=no path
    same_installation
    for path in "$bin/offhook" "$bin/offhook-worker" "$unit"; do [ ! -e "$path" ] || there=yes; done
    if systemd_runs && systemctl cat offhook.service >/dev/null 2>&1; then
        ! unit_runs || say "stopping; calls under way are waited for"
        as_root systemctl disable --now offhook.service
    fi
    if [ "${FORCE:-}" != yes ]; then
        running=$(processes_of offhook run | paste -sd ' ')
        [ -z "$running" ] || fail "a coordinator runs from $prefix/bin (process $running); nothing was removed. Stop it first: kill -TERM $running lets it" \
            "wait for the calls under way. To remove the programs beneath it: make uninstall FORCE=yes"
        running=$(processes_of offhook-worker | paste -sd ' ')
        [ -z "$running" ] || fail "calls are under way, of workers from $prefix/bin (process $running); nothing was removed. Wait some minutes until they" \
            "end, or end them politely: kill -TERM $running. To remove the programs beneath them: make uninstall FORCE=yes"
    fi
    privileged rm -f "$bin/offhook" "$bin/offhook-worker" "$unit" "$record"
    if systemd_runs; then as_root systemctl daemon-reload; fi
    if [ -z "$destination" ] && command -v docker >/dev/null; then
        as_root docker -H "${DOCKER_HOST:-$(setting OFFHOOK_DOCKER_HOST unix:///var/run/docker.sock)}" image rm offhook-worker:latest >/dev/null 2>&1 || true
    fi
    if [ "$there" = no ]; then
        say "there were no programs in $prefix/bin; give PREFIX and SYSCONFDIR as with make install if they are elsewhere"
    else
        say "removed; settings and secrets ($destination$configuration), recordings (OFFHOOK_SPOOL, $destination$(setting OFFHOOK_SPOOL /var/lib/offhook/spool)) and the" \
            "database stay; docs/operating.md says how to delete them"
    fi
}

case ${1:-install} in
install) install_everything ;;
uninstall) uninstall_everything ;;
*) fail "use install or uninstall" ;;
esac
