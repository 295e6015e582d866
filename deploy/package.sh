#!/usr/bin/env bash
# package.sh - Debian packages of this tree: build/package/*.deb. Needs deploy/packages.txt's sections run and package.
# SPDX-License-Identifier: Apache-2.0
set -euo pipefail
source_dir=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=deploy/common.sh
. "$source_dir/deploy/common.sh"

usage() {
    cat <<EOF
usage: deploy/package.sh
Builds the packages meridian and meridiand from this tree into build/package. Prints their names.
EOF
}
case ${1:-} in
'') ;;
-h | --help) usage; exit 0 ;;
*) usage >&2; exit 2 ;;
esac

packages_install run package
out=$source_dir/build/package
tree=$out/meridian
log=$out/build.log
rm -rf "$out"
mkdir -p "$tree"
tar -C "$source_dir" --exclude=./build --exclude=./.git --exclude='*/__pycache__' --exclude=./tests/data -cf - . | tar -C "$tree" -xf -
cp -r "$tree/deploy/debian" "$tree/debian"
cp "$tree/deploy/systemd/meridian.sysusers" "$tree/debian/meridiand.sysusers"
(cd "$tree" && dpkg-buildpackage --build=binary --no-sign) >"$log" 2>&1 || {
    tail -n 30 "$log" >&2
    fail "the packages cannot be built; all of it is in $log"
}
find "$out" -maxdepth 1 -name '*.deb' | sort
