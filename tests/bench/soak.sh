#!/bin/bash
# soak.sh - full load with reloads, database swaps and region kills every few seconds, against any build. See README.md.
# SPDX-License-Identifier: Apache-2.0
#
#   tests/bench/soak.sh [BUILD [MINUTES]]     default: build/release, 20
set -u
here=$(cd "$(dirname "$0")" && pwd)
# A network namespace and a session of its own: nothing is left when it ends.
exec unshare --net --kill-child setsid --wait python3 -B "$here/soak.py" "${1:-build/release}" "${2:-20}"
