#!/usr/bin/env bash
# Real calls to the sandbox's restaurants: Postgres, containers, SIP, RTP, speech, all on this machine; outcomes at the end.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

OFFHOOK_SERVICES=$(mktemp -d /var/tmp/offhook-demo.XXXXXX)
export OFFHOOK_SERVICES
chmod 711 "$OFFHOOK_SERVICES"
running=()
finish() {
    local pid
    # Once asks the coordinator to talk running calls to their end, twice to leave at once.
    for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
    sleep 1
    for pid in "${running[@]}"; do kill "$pid" 2>/dev/null || true; done
    for pid in "${running[@]}"; do wait "$pid" 2>/dev/null || true; done
    scripts/services.sh stop
}
trap finish EXIT
trap 'exit 130' INT TERM HUP

say "building; the first time takes some minutes"
cargo build --workspace
bin=$(programs debug)
services=$(scripts/services.sh start)
eval "$services"

spool=$root/.offhook/demo
rm -rf "$spool"
mkdir -p "$spool"
export OFFHOOK_DATABASE_URL=$OFFHOOK_TEST_DATABASE_URL
export OFFHOOK_DOCKER_HOST=$OFFHOOK_TEST_DOCKER_HOST
export OFFHOOK_NAMESPACE=demo OFFHOOK_SPOOL=$spool OFFHOOK_MEDIA_ADDRESS=127.0.0.1
export OFFHOOK_PROVIDER_URL=http://127.0.0.1:8090/v1 OFFHOOK_LOG=${OFFHOOK_LOG:-warn}
OFFHOOK_IMAGE=$(scripts/image.sh "$bin/offhook-worker" demo)
export OFFHOOK_IMAGE

"$bin/offhook-sandbox" >"$spool/sandbox.log" 2>&1 &
running+=($!)
for _ in $(seq 100); do
    (exec 3<>/dev/tcp/127.0.0.1/8090) 2>/dev/null && break
    kill -0 "${running[0]}" 2>/dev/null || fail "the sandbox does not start: $(tail -n 5 "$spool/sandbox.log")"
    sleep 0.1
done

"$bin/offhook" migrate >/dev/null
psql -q -v ON_ERROR_STOP=1 -f sandbox/demo.sql "$OFFHOOK_DATABASE_URL"
"$bin/offhook" run >"$spool/coordinator.log" 2>&1 &
running+=($!)

ask() { psql -qAt -c "$1" "$OFFHOOK_DATABASE_URL"; }
say "calling $(ask "select count(*) from calls") restaurants; about a minute"
# A call that has been tried and waits for its next try has shown what it can.
for _ in $(seq 180); do
    kill -0 "${running[1]}" 2>/dev/null || fail "the coordinator stopped: $(tail -n 5 "$spool/coordinator.log")"
    [ "$(ask "select count(*) from calls where state in ('claimed', 'dialing', 'talking') or (state = 'queued' and attempt = 0)")" != 0 ] || break
    sleep 1
done

psql -c "select restaurant_name, state, disposition, outcome, agreed_date, agreed_time, agreed_party as party, language as lang,
                round(talked_seconds) as seconds from call_results order by id" "$OFFHOOK_DATABASE_URL"
psql -c "select speaker, text from turns where call_id = (select min(id) from calls) order by attempt, number" "$OFFHOOK_DATABASE_URL"
say "recordings, to be played with any player:"
ask "select regexp_replace(recording, '^file://', '') from call_results where recording is not null order by id"
