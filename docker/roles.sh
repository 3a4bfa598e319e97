#!/usr/bin/env bash
# Run once by the image of Postgres, when the cluster is made: the logins of workers and of people, with the passwords of their URLs.
set -euo pipefail
secrets=${SECRETS:-/run/secrets}

password() { sed -e 's|^[a-z]*://[^:]*:||' -e 's|@.*||' "$secrets/$1"; }

psql -v ON_ERROR_STOP=1 -q --username "$POSTGRES_USER" --dbname "$POSTGRES_DB" <<SQL
create role offhook_user nologin;
create role offhook_worker nologin;
create role worker login password '$(password worker_database_url)' in role offhook_worker;
create role people login password '$(password user_database_url)' in role offhook_user;
SQL
