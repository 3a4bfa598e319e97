#!/usr/bin/env bash
# Installs the Debian packages that are missing, and nothing where none is. Rust and git are there already.
#   scripts/setup.sh             everything: for `make test`, `make demo` and `make lint`
#   scripts/setup.sh build       what building the programs needs
#   scripts/setup.sh engine      the Docker engine
set -euo pipefail
. "$(dirname "$0")/common.sh"

build=(
    cmake g++ pkg-config make   # libopus, built into the worker
)
engine=(
    docker.io                   # the containers that workers run in
)
tests=(
    postgresql                  # tests and demo start a private cluster of it
    linphone-cli                # one more stranger
    espeak-ng                   # the voices of the sandbox
    sox                         # sounds for the strangers below
    baresip-core sip-tester     # strangers the worker is tested against
    kamailio kamailio-tls-modules   # a proxy in the path
    libsrtp2-dev                # the worker's SRTP is compared with it
    iproute2 procps jq          # used by the scripts
    shellcheck                  # make lint
)
[ $# -gt 0 ] || set -- build engine tests
wanted=()
for part in "$@"; do
    case $part in
    build) wanted+=("${build[@]}") ;;
    engine) wanted+=("${engine[@]}") ;;
    tests) wanted+=("${tests[@]}") ;;
    *) fail "use build, engine, tests, or nothing for all of them" ;;
    esac
done

missing=()
for package in "${wanted[@]}"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null || true)" = installed ] || missing+=("$package")
done
# Docker's own packages do as well as Debian's.
if command -v docker >/dev/null && command -v dockerd >/dev/null; then
    for index in "${!missing[@]}"; do
        [ "${missing[$index]}" != docker.io ] || unset "missing[$index]"
    done
fi

if [ "${#missing[@]}" -gt 0 ]; then
    command -v apt-get >/dev/null || fail "install the equivalents of: ${missing[*]}"
    say "installing ${missing[*]}"
    as_root env DEBIAN_FRONTEND=noninteractive apt-get update -qq >&2
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >&2
fi
