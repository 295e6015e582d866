# shellcheck shell=bash
# common.sh - what quickstart.sh, tests/run.sh and tests/bench/run.sh share: packages and builds. Sourced, not run.
# SPDX-License-Identifier: Apache-2.0
#
# The caller has set `source_dir` (top of the repository) and uses bash with `set -euo pipefail`. Nothing here asks a question,
# and whatever is there already is not done again.

PACKAGES_FILE=${source_dir:?}/deploy/packages.txt
POLICY_FILE=/usr/sbin/policy-rc.d

say() { printf '%s\n' "$*"; }
fail() {
    printf '%s: %s\n' "$(basename "$0")" "$*" >&2
    exit 1
}

# packages_listed SECTION...: names from packages.txt, one a line.
packages_listed() {
    local section line wanted=" $* "
    section=
    while IFS= read -r line; do
        line=${line%%#*}
        line=${line//[[:space:]]/}
        case $line in
        '') ;;
        '['*']') section=${line//[][]/} ;;
        *) [[ $wanted != *" $section "* ]] || say "$line" ;;
        esac
    done <"$PACKAGES_FILE"
}

# packages_missing SECTION...: those that are not installed, one a line.
packages_missing() {
    local name
    for name in $(packages_listed "$@"); do
        [[ $(dpkg-query -W -f='${db:Status-Status}' "$name" 2>/dev/null) == installed ]] || say "$name"
    done
}

installed_packages() { dpkg-query -W -f='${db:Status-Status} ${Package}\n' | sed -n 's/^installed //p' | sort; }

# Servers among the packages (tor, nsd, unbound ...) are wanted as programs, not as services: neither now (policy-rc.d says
# 101, "not allowed") nor after the next boot (their units are disabled again).
packages_apt() {
    local list=$1 before owned=
    shift
    before=$(installed_packages)
    (
        if [[ ! -e $POLICY_FILE ]]; then
            owned=yes
            trap '[[ -z $owned ]] || rm -f "$POLICY_FILE"' EXIT
            trap 'exit 130' INT TERM HUP
            printf '#!/bin/sh\nexit 101\n' >"$POLICY_FILE"
            chmod 755 "$POLICY_FILE"
        fi
        export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
        options=(-y -q -o Acquire::Retries=3 -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0
            -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold)
        apt-get "${options[@]}" update </dev/null || exit 2
        apt-get "${options[@]}" --no-install-recommends install "$@" </dev/null || exit 3
    ) >"$list" 2>&1 || return $?
    command -v systemctl >/dev/null || return 0
    local unit
    comm -13 <(printf '%s\n' "$before") <(installed_packages) | xargs -r dpkg -L 2>/dev/null |
        sed -n 's,^\(/usr\)\?/lib/systemd/system/\([^/@]*\.\(service\|socket\|timer\)\)$,\2,p' | sort -u |
        while read -r unit; do systemctl --quiet disable "$unit" >/dev/null 2>&1 || true; done
}

# packages_install SECTION...: install what is missing; silent and without the network when nothing is.
packages_install() {
    local missing log status=0
    command -v dpkg-query >/dev/null || fail "this is no Debian: install what deploy/packages.txt lists by hand"
    missing=$(packages_missing "$@")
    [[ -n $missing ]] || return 0
    say "installing: ${missing//$'\n'/ }"
    [[ $(id -u) == 0 ]] || fail "these packages are missing and only root can install them: ${missing//$'\n'/ }"
    mkdir -p "$source_dir/build"
    log=$source_dir/build/packages.log
    # shellcheck disable=SC2086 # one word a package
    packages_apt "$log" $missing || status=$?
    case $status in
    0) ;;
    2) tail -n 20 "$log" >&2; fail "apt-get update failed (is the network there?), see $log" ;;
    *) tail -n 20 "$log" >&2; fail "apt-get install failed, see $log" ;;
    esac
    missing=$(packages_missing "$@")
    [[ -z $missing ]] || fail "still missing after apt-get install: ${missing//$'\n'/ }, see $log"
}

# build_preset NAME [TARGET...]: configure when needed, build what changed, into build/NAME. A build that is up to date takes a fraction of a second.
build_preset() {
    local preset=$1 log=$source_dir/build/$1.log directory=$source_dir/build/$1
    shift
    mkdir -p "$source_dir/build"
    if [[ ! -f $directory/build.ninja || $source_dir/CMakePresets.json -nt $directory/build.ninja ]]; then
        say "configuring build/$preset"
        (cd "$source_dir" && cmake --preset "$preset") >"$log" 2>&1 || {
            tail -n 40 "$log" >&2
            fail "cmake --preset $preset failed, see $log"
        }
    fi
    say "building build/$preset"
    ninja -C "$directory" "$@" >"$log" 2>&1 || {
        grep -vE '^\[[0-9]+/[0-9]+\] (Building|Linking|Re-check)' "$log" | head -n 60 >&2
        fail "the build of build/$preset failed, see $log"
    }
}
