#!/bin/sh
# Starts PostgreSQL with the role and database `app`; makes the data folder first where there is none.
# The password comes from a file and goes through pipes only: no argument, no variable of a child, no log shows it.
# Arguments are PostgreSQL's own, for example: -c shared_buffers=64MB
set -eu
umask 077

data=${PGDATA:-/var/lib/postgresql/data/main}
password_file=${PASSWORD_FILE:-/etc/postgres/password}

[ -s "$password_file" ] || { echo "the password is expected in the file $password_file" >&2; exit 1; }

# Runs statements without a server: nobody can connect meanwhile. The first error ends it and does not quote its statement.
administer() {
    postgres --single -j -D "$1" -c exit_on_error=on -c log_min_error_statement=panic postgres >/dev/null
}

# Prints the statement $1 followed by the password as SQL text.
with_password() {
    printf "%s '" "$1"
    sed "s/'/''/g" "$password_file" | tr -d '\n'
    printf "';\n"
}

if [ ! -s "$data/PG_VERSION" ]; then
    # Made beside its place and moved there when complete: one that was interrupted is begun again.
    rm -rf "$data.unfinished"
    initdb --pgdata="$data.unfinished" --encoding=UTF8 --locale=C.UTF-8 --auth-local=peer --auth-host=scram-sha-256
    echo "host app app all scram-sha-256" >> "$data.unfinished/pg_hba.conf"
    # -j: statements end with a semicolon and an empty line
    { echo "CREATE ROLE app LOGIN;"; echo; echo "CREATE DATABASE app OWNER app;"; echo; } | administer "$data.unfinished"
    mv "$data.unfinished" "$data"
fi

# Every start, so that another password in the Secret is the password after a restart.
{ with_password "ALTER ROLE app PASSWORD"; echo; } | administer "$data"

exec postgres -D "$data" -c listen_addresses='*' -c unix_socket_directories=/run/postgresql "$@"
