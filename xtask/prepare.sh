#!/usr/bin/env bash
# Makes a machine fit for the workshop: `xtask/prepare.sh build|test|fuzz|bench…`.
#
# Silent and fast when nothing is missing. On Debian as root it installs what is missing; otherwise it
# prints the one command to run and fails. It never touches Rust or Node versions that are too old,
# because people choose how they install those.
set -euo pipefail

packages=()
optional=()
complaints=()

# want COMMAND PACKAGE…: the packages are needed unless the command exists.
want() {
    local command=$1
    shift
    command -v "$command" >/dev/null 2>&1 || packages+=("$@")
}

# at_least WANTED FOUND: compares dotted versions.
at_least() {
    [ "$(printf '%s\n%s\n' "$1" "$2" | sort -V | head -n 1)" = "$1" ]
}

rust() {
    local wanted found
    wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
    if ! found=$(rustc --version 2>/dev/null | cut -d ' ' -f 2) || [ -z "$found" ]; then
        complaints+=("Rust $wanted or newer is missing: see https://rustup.rs")
    elif ! at_least "$wanted" "$found"; then
        complaints+=("Rust $wanted or newer is needed, this is $found: rustup update stable")
    elif ! cargo fmt --version >/dev/null 2>&1 || ! cargo clippy --version >/dev/null 2>&1; then
        rustup component add rustfmt clippy >&2 || complaints+=("rustup component add rustfmt clippy failed")
    fi
}

node() {
    local found
    if ! command -v node >/dev/null 2>&1 || ! command -v npm >/dev/null 2>&1; then
        complaints+=("Node.js 18.19 or newer with npm is missing: see https://nodejs.org")
    else
        found=$(command node --version | tr -d v)
        at_least 18.19 "$found" || complaints+=("Node.js 18.19 or newer is needed, this is $found")
    fi
}

chromium() {
    local path=${CHROMIUM:-/usr/bin/chromium}
    if [ -n "${CHROMIUM:-}" ] && [ ! -x "$path" ]; then
        complaints+=("CHROMIUM=$path is not a program")
    elif [ ! -x "$path" ]; then
        packages+=(chromium)
    fi
    # Screenshots and text widths need real letters.
    [ -d /usr/share/fonts/truetype/dejavu ] || packages+=(fonts-dejavu-core)
}

firefox() {
    local path=${FIREFOX:-/usr/bin/firefox-esr}
    if [ -n "${FIREFOX:-}" ] && [ ! -x "$path" ]; then
        complaints+=("FIREFOX=$path is not a program")
    elif [ ! -x "$path" ]; then
        packages+=(firefox-esr)
    fi
}

postgresql() {
    local found
    for found in /usr/lib/postgresql/*/bin/initdb; do
        [ -x "$found" ] && return
    done
    command -v initdb >/dev/null 2>&1 || packages+=(postgresql)
}

redis() {
    command -v redis-server >/dev/null 2>&1 || command -v valkey-server >/dev/null 2>&1 || packages+=(redis-server)
}

# The native LiveKit client of a journey. Optional: without it that journey says that it was skipped.
native_client() {
    local place=target/python wanted=livekit==1.2.1
    [ -e "$place/$wanted" ] && return
    rm -rf "$place"
    if python3 -m venv "$place" >/dev/null 2>&1 && "$place/bin/pip" install --quiet "$wanted" >/dev/null 2>&1; then
        touch "$place/$wanted"
    else
        rm -rf "$place"
        echo "Without $wanted (Python 3.9, python3-venv and PyPI) the journey of a native client is skipped" >&2
    fi
}

cd "$(dirname "$0")/.."
for purpose in "$@"; do
    case $purpose in
    build)
        rust
        node
        want cc build-essential
        ;;
    test)
        chromium
        firefox
        postgresql
        redis
        want c++ build-essential
        # The test authority for certificates: nice to have, its tests say when they are skipped.
        command -v pebble >/dev/null 2>&1 || optional+=(pebble)
        # The wall of a school's network, of which the same holds.
        command -v nft >/dev/null 2>&1 || optional+=(nftables)
        command -v ip >/dev/null 2>&1 || optional+=(iproute2)
        # A certificate that browsers trust, made for a journey.
        command -v openssl >/dev/null 2>&1 || optional+=(openssl)
        command -v certutil >/dev/null 2>&1 || optional+=(libnss3-tools)
        native_client
        ;;
    fuzz) want c++ build-essential ;;
    bench)
        # What the front is measured against. Debian starts them when they are installed: say no before.
        want nginx nginx-light
        want haproxy haproxy
        want wrk wrk
        # What the media server is measured against, besides LiveKit's.
        want janus janus
        want ip iproute2
        ;;
    *)
        echo "prepare.sh: unknown purpose \"$purpose\" (build, test, fuzz, bench)" >&2
        exit 2
        ;;
    esac
done

if [ ${#complaints[@]} -gt 0 ]; then
    printf 'Not ready: %s\n' "${complaints[@]}" >&2
    exit 1
fi
[ ${#packages[@]} -gt 0 ] || [ ${#optional[@]} -gt 0 ] || exit 0
may_install() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; }
if [ ${#optional[@]} -gt 0 ]; then
    # Without them something is skipped, and says so: never a reason to stop.
    may_install && apt-get install --yes --no-install-recommends --quiet=2 "${optional[@]}" >/dev/null 2>&1 ||
        echo "Without ${optional[*]} some tests are skipped; on Debian: apt-get install ${optional[*]}" >&2
fi
[ ${#packages[@]} -gt 0 ] || exit 0

mapfile -t packages < <(printf '%s\n' "${packages[@]}" | sort -u)
install="apt-get install --yes --no-install-recommends ${packages[*]}"
if may_install; then
    echo "Installing ${packages[*]}" >&2
    export DEBIAN_FRONTEND=noninteractive
    # The lists are often empty or old on a fresh machine: one refresh, then the packages.
    apt-get update --quiet=2 >&2
    $install --quiet=2 >&2
else
    echo "Not ready: ${packages[*]} missing. On Debian or Ubuntu: sudo $install" >&2
    exit 1
fi
