# Sourced by the scripts that need services for one run: Postgres, a Docker engine, and programs in the background. All of it is
# gone when the script ends, however it ends. Source common.sh first.
# shellcheck shell=bash

background=()

# Names a folder for the services of this run (OFFHOOK_SERVICES) and has them stopped at the end. Start them with
# start_services or start_fast_services, or with scripts/services.sh where something else is done meanwhile.
private_services() {
    local name left
    name=$(basename "$0" .sh)
    # A run that was killed could not clean up behind itself.
    for left in "/var/tmp/offhook-$name".*; do
        if [ -O "$left" ] && [ -f "$left/owner" ] && ! kill -0 "$(cat "$left/owner")" 2>/dev/null; then
            OFFHOOK_SERVICES=$left scripts/services.sh stop
        fi
    done
    OFFHOOK_SERVICES=$(mktemp -d "/var/tmp/offhook-$name.XXXXXX")
    export OFFHOOK_SERVICES
    chmod 711 "$OFFHOOK_SERVICES"
    printf '%s\n' $$ >"$OFFHOOK_SERVICES/owner"
    trap end_run EXIT
    trap 'exit 130' INT TERM HUP
}

# Starts the services and exports how they are reached; the second keeps nothing on disk that a power cut would leave.
start_services() { export_services "$(scripts/services.sh start)"; }
start_fast_services() { export_services "$(scripts/services.sh start --fast)"; }
export_services() {
    [ -n "$1" ] || fail "the services did not start"
    eval "$1"
}

# Builds the image of the worker program $1 for this run alone, and prints its name.
run_image() { scripts/image.sh "$1" "$(basename "$0" .sh)-$$"; }

# in_background LOG COMMAND…: starts a program that is ended with the run, the newest first. Its process is background[-1].
in_background() {
    local log=$1
    shift
    "$@" >"$log" 2>&1 &
    background+=($!)
}

# await_ready LOG WHAT SECONDS: waits until the newest program in the background wrote "ready" to its log.
await_ready() {
    local log=$1 what=$2 tries=$(($3 * 10))
    while ! grep -q ready "$log"; do
        kill -0 "${background[-1]}" 2>/dev/null || fail "$what does not start: $(tail -n 5 "$log")"
        [ "$((tries -= 1))" -gt 0 ] || fail "$what is not ready after $3 s: $(tail -n 5 "$log")"
        sleep 0.1
    done
}

end_run() {
    local index pid image
    # The coordinator before the restaurants: it lets calls end while they are still there.
    for ((index = ${#background[@]} - 1; index >= 0; index--)); do
        pid=${background[$index]}
        kill "$pid" 2>/dev/null || true
        wait "$pid" 2>/dev/null || true
    done
    for image in "${OFFHOOK_IMAGE:-}" "${OFFHOOK_TEST_IMAGE:-}"; do
        case $image in
            *-"$$") DOCKER_HOST=$OFFHOOK_TEST_DOCKER_HOST docker image rm -f "$image" >/dev/null 2>&1 || true ;;
        esac
    done
    scripts/services.sh stop
}
