# shellcheck shell=bash
# Installs what the tests need beside Rust, and says where it is. Sourced, from the root of the project, by
# tests/run and .ci/run; quick when everything is there.
#
#   COUNTERSIGN_TEST_PYTHON   a Python with what tests/python/requirements.txt lists
#   COUNTERSIGN_TEST_BUF      buf

tools=$(realpath -m "${CARGO_TARGET_DIR:-target}")/test-tools
requirements=tests/python/requirements.txt

missing() {
    echo "$1" >&2
    exit 1
}

# install PACKAGE...: from Debian, when that can be done without asking anybody.
install_packages() {
    local as_root=()
    command -v apt-get >/dev/null || missing "there is no apt-get to install with (Debian calls what is missing: $*)"
    if [ "$(id -u)" != 0 ]; then
        sudo -n true 2>/dev/null || missing "run 'apt-get install $*' as root, then try again"
        as_root=(sudo -n)
    fi
    echo "installing $*" >&2
    as_root+=(env DEBIAN_FRONTEND=noninteractive)
    "${as_root[@]}" apt-get -qq update >&2 </dev/null
    "${as_root[@]}" apt-get -qq install -y --no-install-recommends "$@" >&2 </dev/null
}

# need PROGRAM PACKAGE...
need() {
    if command -v "$1" >/dev/null; then return; fi
    echo "$1 is missing" >&2
    install_packages "${@:2}"
    command -v "$1" >/dev/null || missing "$1 is still missing after ${*:2} was installed"
}

# The directory of the newest PostgreSQL's programs, which Debian does not put in the PATH.
postgres_programs() {
    local found
    found=$(ls -d /usr/lib/postgresql/*/bin 2>/dev/null | sort -V | tail -n 1)
    if [ -z "$found" ] && command -v initdb >/dev/null; then found=$(dirname "$(command -v initdb)"); fi
    echo "$found"
}

# A virtual environment with exactly the listed packages, made anew when the list changes.
python_tools() {
    if cmp -s "$requirements" "$1/installed.txt"; then return; fi
    need python3 python3
    python3 -c 'import sys; sys.exit(sys.version_info < (3, 10))' || missing "the tests need Python 3.10 or later"
    # Debian's python3 cannot make one without the package.
    python3 -c 'import ensurepip' 2>/dev/null || install_packages python3-venv
    echo "installing what $requirements lists" >&2
    rm -rf "$1"
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --disable-pip-version-check --no-input -r "$requirements" >&2
    cp "$requirements" "$1/installed.txt"
}

# One at a time: two runs may start at once.
mkdir -p "$tools"
exec {lock}>"$tools/lock"
flock "$lock"
# The linker, and the C in some crates.
need cc gcc libc6-dev
python_tools "$tools/python"
# Database servers, which tests/servers.sh starts.
if [ -z "$(postgres_programs)" ]; then install_packages postgresql; fi
[ -n "$(postgres_programs)" ] || missing "PostgreSQL is still missing after postgresql was installed"
need mariadbd mariadb-server-core
need mariadb-admin mariadb-client
# A pooler before one of them.
need pgbouncer pgbouncer
exec {lock}>&-

export COUNTERSIGN_TEST_PYTHON=$tools/python/bin/python
export COUNTERSIGN_TEST_BUF=$tools/python/bin/buf
for tool in "$COUNTERSIGN_TEST_PYTHON" "$COUNTERSIGN_TEST_BUF"; do
    "$tool" --version >/dev/null || missing "$tool does not run: remove $tools and try again"
done
