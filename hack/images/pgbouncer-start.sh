#!/bin/sh
# Starts PgBouncer with the configuration file given as argument.
# Writes its list of users, which has no other form than a file with the password in it, to a folder in memory.
set -eu
umask 077

password_file=${PASSWORD_FILE:-/etc/pgbouncer/secret/password}
users=${USERS_FILE:-/run/pgbouncer/users.txt}

[ -s "$password_file" ] || { echo "the password is expected in the file $password_file" >&2; exit 1; }

{
    printf '"app" "'
    sed 's/"/""/g' "$password_file" | tr -d '\n'
    printf '"\n'
} > "$users"

exec pgbouncer "$@"
