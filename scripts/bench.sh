#!/usr/bin/env bash
# How small, how fast: the worker's image, the start of a container, the queue's intake.
set -euo pipefail
. "$(dirname "$0")/common.sh"
cd "$root"

OFFHOOK_SERVICES=$(mktemp -d /var/tmp/offhook-bench.XXXXXX)
export OFFHOOK_SERVICES
chmod 711 "$OFFHOOK_SERVICES"
trap 'scripts/services.sh stop' EXIT
trap 'exit 130' INT TERM HUP

cargo build --release --workspace
services=$(scripts/services.sh start)
eval "$services"
bin=$(programs release)
image=$(scripts/image.sh "$bin/offhook-worker" bench)
export DOCKER_HOST=$OFFHOOK_TEST_DOCKER_HOST

printf 'worker image             %s bytes\n' "$(docker image inspect --format '{{.Size}}' "$image")"
times=()
for _ in $(seq 15); do
    container=$(docker create --network host --read-only --cap-drop ALL --security-opt no-new-privileges --memory 128m "$image" --version)
    begun=$(date +%s%N)
    docker start "$container" >/dev/null
    docker wait "$container" >/dev/null
    times+=($((($(date +%s%N) - begun) / 1000000)))
    docker rm "$container" >/dev/null
done
mapfile -t sorted < <(printf '%s\n' "${times[@]}" | sort -n)
printf 'container, start to end  %s ms median, %s ms slowest of %s\n' "${sorted[7]}" "${sorted[14]}" "${#sorted[@]}"

OFFHOOK_DATABASE_URL=$OFFHOOK_TEST_DATABASE_URL "$bin/offhook" migrate >/dev/null
begun=$(date +%s%N)
psql -q -c "insert into calls (number, restaurant_name, restaurant_zone, guest_name, guest_phone, party_size, wanted_date, wanted_time)
            select '+49301' || 100000 + n, 'Restaurant ' || n, 'Europe/Berlin', 'Ada Winter', '+4915112345678', 4, current_date + 7, '19:30'
            from generate_series(1, 100000) n" "$OFFHOOK_TEST_DATABASE_URL"
printf 'calls taken              %s rows/s, every rule checked\n' $((100000 * 1000 / (($(date +%s%N) - begun) / 1000000)))
