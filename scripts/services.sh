#!/usr/bin/env bash
# A Postgres cluster and a Docker engine of our own, beside whatever else runs on the machine.
#
#   eval "$(scripts/services.sh start [--fast])"   start what is not running yet, print the variables that lead there
#   eval "$(scripts/services.sh env)"              print them again
#   scripts/services.sh stop                       stop what was started here, and remove it
#
# Everything lies in OFFHOOK_SERVICES (default: a folder in /var/tmp that belongs to this user and checkout), so runs with different
# folders do not meet. --fast gives up durability (fsync off): for tests, whose data nobody wants back.
# An engine that answers (`docker info`) is used as it is, and left alone by `stop`.
set -euo pipefail
. "$(dirname "$0")/common.sh"

umask 077
state=${OFFHOOK_SERVICES:-/var/tmp/offhook-$(id -u)-$(printf '%s' "$root" | cksum | cut -d' ' -f1)}
cluster=$state/postgres
engine=$state/docker

# Postgres refuses to run as root: then it runs as the user its package made.
as_postgres() {
    if [ "$(id -u)" = 0 ]; then (cd / && runuser -u postgres -- "$@"); else "$@"; fi
}

postgres_bin() {
    local newest
    newest=$(find /usr/lib/postgresql -maxdepth 1 -mindepth 1 -type d 2>/dev/null | sort -V | tail -n 1)
    if [ -n "$newest" ]; then
        printf '%s/bin\n' "$newest"
    elif command -v initdb >/dev/null; then
        dirname "$(command -v initdb)"
    else
        fail "no Postgres server is installed: run scripts/setup.sh"
    fi
}

postgres_runs() { [ -f "$cluster/data/postmaster.pid" ] && as_postgres "$(postgres_bin)/pg_ctl" -D "$cluster/data" status >/dev/null 2>&1; }

start_postgres() {
    local bin port
    bin=$(postgres_bin)
    ! postgres_runs || return 0
    if [ ! -f "$cluster/ready" ]; then
        rm -rf "$cluster"
        install -d -m 711 "$cluster"
        head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n' >"$cluster/password"
        [ "$(id -u)" != 0 ] || chown -R postgres: "$cluster"
        chmod 600 "$cluster/password"
        as_postgres "$bin/initdb" -D "$cluster/data" -U offhook --auth=scram-sha-256 --pwfile="$cluster/password" \
            --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$state/initdb.log" 2>&1 || fail "initdb failed: $(tail -n 5 "$state/initdb.log")"
        {
            printf "listen_addresses = '127.0.0.1'\nunix_socket_directories = '%s'\nmax_connections = 300\n" "$cluster"
            printf "log_min_messages = warning\nlog_min_error_statement = panic\n"
            [ -z "$fast" ] || printf "fsync = off\nsynchronous_commit = off\nfull_page_writes = off\n"
        } >>"$cluster/data/postgresql.conf"
        touch "$cluster/ready"
    fi
    for _ in 1 2 3 4 5; do
        port=$(free_port)
        # Nothing of it may hold on to our output: whoever reads the variables waits for its end.
        if as_postgres "$bin/pg_ctl" -D "$cluster/data" -w -t 30 -o "-p $port" -l "$cluster/log" start >/dev/null 2>&1 </dev/null; then
            printf '%s\n' "$port" >"$state/postgres.port"
            say "Postgres on 127.0.0.1:$port"
            return 0
        fi
    done
    fail "Postgres does not start: $(tail -n 5 "$cluster/log" 2>&1)"
}

# The address of the engine that answers already, if any.
answering_engine() {
    docker info >/dev/null 2>&1 || return 1
    printf '%s\n' "${DOCKER_HOST:-$(docker context inspect --format '{{.Endpoints.docker.Host}}' 2>/dev/null || echo unix:///var/run/docker.sock)}"
}

start_engine() {
    local address
    command -v docker >/dev/null || fail "no Docker client is installed: run scripts/setup.sh"
    if [ -f "$engine/pid" ] && DOCKER_HOST="unix://$engine/docker.sock" docker info >/dev/null 2>&1; then return 0; fi
    if address=$(answering_engine); then
        printf '%s\n' "$address" >"$state/docker.address"
        return 0
    fi
    command -v dockerd >/dev/null || fail "no Docker engine answers and none is installed: run scripts/setup.sh"
    mkdir -p "$engine"
    # No bridge and no firewall rules: workers use the host's network, and nothing of the machine is changed. The names of its
    # containerd namespaces are its own, for where a system containerd is shared.
    as_root setsid dockerd --data-root "$engine/data" --exec-root "$engine/exec" -H "unix://$engine/docker.sock" -G "$(id -gn)" \
        --pidfile "$engine/pid" --bridge=none --iptables=false --ip6tables=false --containerd-namespace "offhook-${state##*/}" \
        --containerd-plugins-namespace "offhook-plugins-${state##*/}" >"$state/dockerd.log" 2>&1 </dev/null &
    for _ in $(seq 150); do
        if DOCKER_HOST="unix://$engine/docker.sock" docker info >/dev/null 2>&1; then
            printf 'unix://%s/docker.sock\n' "$engine" >"$state/docker.address"
            say "Docker engine on unix://$engine/docker.sock"
            return 0
        fi
        kill -0 $! 2>/dev/null || break
        sleep 0.2
    done
    fail "the Docker engine does not start: $(grep -E 'level=(error|fatal)|failed' "$state/dockerd.log" | tail -n 3)"
}

print_env() {
    [ -f "$state/postgres.port" ] || fail "nothing is running in $state: use start"
    local port password url
    port=$(cat "$state/postgres.port")
    password=$(as_postgres cat "$cluster/password")
    url=postgres://offhook:$password@127.0.0.1:$port/postgres
    printf 'export OFFHOOK_SERVICES=%q\n' "$state"
    # What is installed on this machine is none of a test's business.
    printf 'export OFFHOOK_SETTINGS=\n'
    printf 'export OFFHOOK_TEST_DATABASE_URL=%q\n' "$url"
    printf 'export OFFHOOK_TEST_DOCKER_HOST=%q\n' "$(cat "$state/docker.address")"
}

stop() {
    [ -d "$state" ] || return 0
    own "$state"
    if [ -f "$engine/pid" ]; then
        local pid containers
        pid=$(cat "$engine/pid")
        mapfile -t containers < <(DOCKER_HOST="unix://$engine/docker.sock" docker ps -aq 2>/dev/null)
        [ "${#containers[@]}" = 0 ] || DOCKER_HOST="unix://$engine/docker.sock" docker rm -f "${containers[@]}" >/dev/null 2>&1 || true
        as_root kill "$pid" 2>/dev/null || true
        for _ in $(seq 100); do
            as_root kill -0 "$pid" 2>/dev/null || break
            sleep 0.1
        done
        ! as_root kill -0 "$pid" 2>/dev/null || as_root kill -9 "$pid" || true
    fi
    if postgres_runs; then as_postgres "$(postgres_bin)/pg_ctl" -D "$cluster/data" -m immediate stop >/dev/null 2>&1 </dev/null || true; fi
    if [ -d "$engine" ]; then
        # The engine leaves the host's network namespace mounted, and what was mounted into containers that were killed.
        findmnt -rno TARGET | { grep -F "$engine/" || true; } | sort -r | while read -r mounted; do
            as_root umount "$mounted" </dev/null || true
        done
        as_root rm -rf "$engine"
    fi
    rm -rf "$state"
}

# The folder lies where others can write: one that somebody else has put there is not ours.
own() { [ -O "$1" ] || fail "$1 belongs to somebody else: set OFFHOOK_SERVICES to a folder of your own"; }

fast=
[ "${2:-}" != --fast ] || fast=yes
case "${1:-}" in
start)
    install -d -m 711 "$state"
    own "$state"
    exec 9>"$state/lock"
    flock 9
    start_postgres 9>&-
    start_engine 9>&-
    flock -u 9 # said aloud: what was started here may still hold the file open
    print_env
    ;;
env) print_env ;;
stop) stop ;;
*) fail "use start [--fast], env or stop" ;;
esac
