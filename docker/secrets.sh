#!/usr/bin/env bash
# Makes the files in docker/secrets that docker/compose.yaml takes: generated passwords, and an empty provider_key to write the key of the
# model servers into. A file that is there stays as it is.
set -euo pipefail
cd "$(dirname "$0")"

random() { head -c 24 /dev/urandom | od -An -tx1 | tr -d ' \n'; }
keep() {
    if [ ! -e "secrets/$1" ]; then
        printf '%s' "$2" >"secrets/$1"
        printf 'docker/secrets/%s\n' "$1"
    fi
}

# Nobody else gets into the folder. The files in it are open, because Postgres reads them as a user of its container.
umask 022
mkdir -p secrets
chmod 700 secrets
keep postgres_password "$(random)"
keep database_url "postgres://offhook:$(cat secrets/postgres_password)@127.0.0.1:5432/offhook"
keep worker_database_url "postgres://worker:$(random)@127.0.0.1:5432/offhook"
keep user_database_url "postgres://people:$(random)@127.0.0.1:5432/offhook"
keep provider_key ""
