#!/usr/bin/env bash
# Builds an image FROM scratch out of a static program, offhook-worker or offhook (the coordinator):
#   scripts/image.sh target/x86_64-unknown-linux-gnu/release/offhook-worker [tag]
# into the engine behind OFFHOOK_TEST_DOCKER_HOST or DOCKER_HOST, named as the program, with the tag (default: latest).
# Prints the image's name.
set -euo pipefail
. "$(dirname "$0")/common.sh"

[ $# -ge 1 ] || fail "name the program: scripts/image.sh <program> [tag]"
program=$1
name=$(basename "$program")
image=$name:${2:-latest}
case $name in
offhook-worker) recipe=$root/docker/worker.Dockerfile ;;
offhook) recipe=$root/docker/coordinator.Dockerfile ;;
*) fail "$name is neither offhook-worker nor offhook" ;;
esac
[ -x "$program" ] || fail "$program is not there: build it with cargo build --workspace"
if readelf -lW "$program" | grep -q INTERP; then
    fail "$program is not static: build it in this checkout, .cargo/config.toml sets +crt-static"
fi
export DOCKER_HOST=${OFFHOOK_TEST_DOCKER_HOST:-${DOCKER_HOST:-unix:///var/run/docker.sock}}
# Without the plugin the client falls back to the engine's own builder; the variable keeps it from complaining.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

staging=$(mktemp -d)
trap 'rm -rf "$staging"' EXIT
strip -s -o "$staging/$name" "$program"
chmod 755 "$staging" "$staging/$name"
docker build --quiet --network none --file "$recipe" --tag "$image" "$staging" >/dev/null 2>"$staging/log" ||
    fail "the image cannot be built: $(cat "$staging/log")"
say "$image, $(docker image inspect --format '{{.Size}}' "$image") bytes"
printf '%s\n' "$image"
