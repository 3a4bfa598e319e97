#!/usr/bin/env bash
# Five real calls to the sandbox's restaurants: Postgres, containers, SIP, RTP, speech, all on this machine; live, then the outcomes.
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run_services.sh"
cd "$root"

private_services
say "building; the first time takes some minutes"
cargo build --workspace
bin=$(programs debug)
begun=$SECONDS
say "starting a private Postgres, and a Docker engine if none answers"
start_services

# Recordings stay after the demo; so does nothing else. In a folder of this user and checkout: a demo of another one deletes its own.
spool=${OFFHOOK_DEMO_SPOOL:-/var/tmp/offhook-demo-recordings-$(id -u)-$(printf '%s' "$root" | cksum | cut -d' ' -f1)}
rm -rf "$spool"
mkdir -p "$spool"
chmod 711 "$spool"
http=$(free_port)
sip=$(free_port)
export OFFHOOK_DATABASE_URL=$OFFHOOK_TEST_DATABASE_URL
export OFFHOOK_DOCKER_HOST=$OFFHOOK_TEST_DOCKER_HOST
export OFFHOOK_NAMESPACE=demo-$$ OFFHOOK_SPOOL=$spool OFFHOOK_MEDIA_ADDRESS=127.0.0.1
# Without root nothing can be given to another user: containers run as this one.
if [ "$(id -u)" != 0 ]; then
    OFFHOOK_CONTAINER_USER=$(id -u):$(id -g)
    export OFFHOOK_CONTAINER_USER
fi
export OFFHOOK_PROVIDER_URL=http://127.0.0.1:$http/v1
export OFFHOOK_STT_MODEL=sandbox-ear OFFHOOK_CHAT_MODEL=sandbox-talker OFFHOOK_TTS_MODEL=sandbox-voice
export OFFHOOK_VOICES=en=en-1,de=de-1,es=es-1,nl=nl-1
OFFHOOK_IMAGE=$(run_image "$bin/offhook-worker")
export OFFHOOK_IMAGE

say "opening the restaurants; the first time their recogniser learns its phrases for some seconds"
in_background "$spool/sandbox.log" "$bin/offhook-sandbox" serve --http "127.0.0.1:$http" --sip "127.0.0.1:$sip"
await_ready "$spool/sandbox.log" "the sandbox" 60

"$bin/offhook" migrate
in_background "$spool/coordinator.log" "$bin/offhook" run
say "five rows are inserted; each becomes a container and a call"
psql -q -v ON_ERROR_STOP=1 -v sip_port="$sip" -f sandbox/demo.sql "$OFFHOOK_DATABASE_URL"
mapfile -t ids < <(psql -qAt -c "select id from calls order by id" "$OFFHOOK_DATABASE_URL")
timeout 240 "$bin/offhook" call watch "${ids[@]}" || fail "not all calls ended: $(tail -n 5 "$spool/coordinator.log")"

printf '\n'
psql -P pager=off -c "select restaurant_name, state, disposition, outcome, agreed_date, agreed_time, agreed_party as party,
                language as lang, round(talked_seconds) as seconds from call_results order by id" "$OFFHOOK_DATABASE_URL"
say "recordings (callee on the left, agent on the right), to be played with any player:"
psql -qAt -c "select recording from call_results where recording is not null order by id" "$OFFHOOK_DATABASE_URL" | sed 's|^file://|  |'
say "$((SECONDS - begun)) s from the end of the build"
