#!/usr/bin/env bash
# Builds the worker's image FROM scratch out of a static program:
#   scripts/image.sh target/x86_64-unknown-linux-gnu/release/offhook-worker [tag]
# into the engine behind OFFHOOK_TEST_DOCKER_HOST or DOCKER_HOST, as offhook-worker:<tag> (default: latest). Prints the image's name.
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || fail "name the worker's program: scripts/image.sh <program> [tag]"
program=$1
image=offhook-worker:${2:-latest}
[ -x "$program" ] || fail "$program is not a program: build it with cargo build -p offhook-worker"
if readelf -lW "$program" | grep -q INTERP; then
    fail "$program is not static: build it in this checkout, .cargo/config.toml sets +crt-static"
fi
export DOCKER_HOST=${OFFHOOK_TEST_DOCKER_HOST:-${DOCKER_HOST:-unix:///var/run/docker.sock}}
# Without the plugin the client falls back to the engine's own builder; the variable keeps it from complaining.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
strip -s -o "$staging/offhook-worker" "$program"
chmod 755 "$staging/offhook-worker"
docker build --quiet --network none --file "$root/docker/worker.Dockerfile" --tag "$image" "$staging" >/dev/null 2>"$staging/log" ||
    fail "the image cannot be built: $(cat "$staging/log")"
say "$image, $(docker image inspect --format '{{.Size}}' "$image") bytes"
printf '%s\n' "$image"
