# shellcheck shell=bash
# Starts a private PostgreSQL and a private MariaDB for one run of the tests, and stops them when the shell that
# sourced this ends. Both listen on loopback only, on ports that were free, with the durability that a server
# has by default: the tests are about what survives. Sourced after tests/tools.sh.
#
#   COUNTERSIGN_TEST_POSTGRES_URL   set it yourself to test on a server of your own
#   COUNTERSIGN_TEST_MYSQL_URL      the same for MySQL or MariaDB
#   COUNTERSIGN_TEST_DATABASES      sqlite: start and test no other; any of sqlite,postgres,mysql

servers=$(mktemp -d)
chmod 755 "$servers"
stops=()
stop_servers() {
    local stop
    for stop in "${stops[@]}"; do eval "$stop"; done
    rm -rf "$servers"
}
trap stop_servers EXIT

wanted() {
    [ -z "${COUNTERSIGN_TEST_DATABASES:-}" ] || [[ ",$COUNTERSIGN_TEST_DATABASES," == *",$1,"* ]]
}

free_port() {
    python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'
}

# Servers refuse to run as root; then they run as nobody.
as_user=()
if [ "$(id -u)" = 0 ]; then as_user=(runuser -u nobody --); fi
own_dir() {
    mkdir "$1"
    if [ "$(id -u)" = 0 ]; then chown nobody "$1"; fi
}

start_postgres() {
    local dir=$servers/postgres port log
    own_dir "$dir"
    log=$dir/log
    port=$(free_port)
    "${as_user[@]}" "$1/initdb" -D "$dir/data" -U test -A trust -E UTF8 --locale=C --no-sync >"$servers/initdb.log" 2>&1 ||
        { cat "$servers/initdb.log" >&2; missing "initdb failed"; }
    "${as_user[@]}" "$1/pg_ctl" -D "$dir/data" -w -l "$log" start \
        -o "-c listen_addresses=127.0.0.1 -c port=$port -c unix_socket_directories=$dir -c max_connections=300" >/dev/null ||
        { cat "$log" >&2; missing "PostgreSQL did not start"; }
    stops+=("${as_user[*]} '$1/pg_ctl' -D '$dir/data' -m immediate stop >/dev/null 2>&1 || true")
    export COUNTERSIGN_TEST_POSTGRES_URL=postgres://test@127.0.0.1:$port/postgres
}

start_mariadb() {
    local dir=$servers/mariadb port socket
    own_dir "$dir"
    # Its own: a server that starts removes what others left in the one that all share.
    own_dir "$dir/tmp"
    socket=$dir/s
    port=$(free_port)
    "${as_user[@]}" mariadb-install-db --no-defaults --datadir="$dir/data" --auth-root-authentication-method=normal \
        --skip-test-db >"$servers/mariadb-install.log" 2>&1 ||
        { cat "$servers/mariadb-install.log" >&2; missing "mariadb-install-db failed"; }
    "${as_user[@]}" mariadbd --no-defaults --datadir="$dir/data" --socket="$socket" --port="$port" \
        --tmpdir="$dir/tmp" --bind-address=127.0.0.1 --max-connections=400 --log-error="$dir/log" >/dev/null 2>&1 </dev/null &
    stops+=("kill $! 2>/dev/null; wait $! 2>/dev/null || true")
    for _ in $(seq 240); do
        if mariadb-admin --no-defaults --protocol=socket --socket="$socket" -uroot ping >/dev/null 2>&1; then
            export COUNTERSIGN_TEST_MYSQL_URL=mysql://root@127.0.0.1:$port/mysql
            return
        fi
        sleep 0.25
    done
    cat "$dir/log" >&2
    missing "MariaDB did not start"
}

if wanted postgres && [ -z "${COUNTERSIGN_TEST_POSTGRES_URL:-}" ]; then
    start_postgres "$(postgres_programs)"
fi
if wanted mysql && [ -z "${COUNTERSIGN_TEST_MYSQL_URL:-}" ]; then
    start_mariadb
fi
