#!/usr/bin/env bash
# run.sh - every test with one command: installs what is missing, builds, runs, says how it went.
# SPDX-License-Identifier: Apache-2.0
#
# One ctest run over a suite put together in build/suite: all tests of the release build, those of the asan build that run
# our code (as asan/...), and in CI 20 seconds of libFuzzer per target (as libfuzzer/...). So ctest's closing line, the last line
# printed, counts them all.
set -euo pipefail
source_dir=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=deploy/common.sh
. "$source_dir/deploy/common.sh"

LABELS=(unit fuzz conformance e2e fleet anycast sim check)
fuzz_seconds=${FUZZ_SECONDS:-20} # per target; see usage

usage() {
    cat <<EOF
usage: tests/run.sh [LABEL...]
Installs what deploy/packages.txt lists, builds build/release and build/asan, runs the tests with these labels
(${LABELS[*]}; all when none is given) and prints ctest's closing line. Exit status 0: every test passed.
Environment:
  CI=true          also builds build/fuzz and runs every fuzz target for FUZZ_SECONDS (20)
  FUZZ_SECONDS=N   the same outside CI, for N seconds a target
  JOBS=N           tests at a time (default: the processors)
EOF
}

wanted=()
for argument in "$@"; do
    case $argument in
    -h | --help) usage; exit 0 ;;
    -*) usage >&2; exit 2 ;;
    esac
    [[ " ${LABELS[*]} " == *" $argument "* ]] || fail "no such label: $argument (there are: ${LABELS[*]})"
    wanted+=("$argument")
done
[[ ${#wanted[@]} -gt 0 ]] || wanted=("${LABELS[@]}")
wants() { [[ " ${wanted[*]} " == *" $1 "* ]]; }


packages_install run fleet test
build_preset release
build_preset asan

suite=$source_dir/build/suite
mkdir -p "$suite/asan" "$suite/libfuzzer"

# ctest reads the generated files of a build as they are; the names of the asan build's tests get a prefix. Checks of the tree
# need no second build.
for part in . conformance e2e anycast; do
    sed -E -e 's,^(add_test|set_tests_properties)\((\[=+\[|"?),&asan/,' -e '/^subdirs\(/d' \
        "$source_dir/build/asan/tests/$part/CTestTestfile.cmake"
done >"$suite/asan/CTestTestfile.cmake"

: >"$suite/libfuzzer/CTestTestfile.cmake"
if wants fuzz && [[ ${CI:-} == true || -n ${FUZZ_SECONDS:-} ]]; then
    if command -v clang-14 >/dev/null; then
        nouns=()
        for source in "$source_dir"/tests/fuzz/fuzz_*.c; do
            noun=$(basename "$source" .c)
            nouns+=("${noun#fuzz_}")
        done
        build_preset fuzz "${nouns[@]/#/fuzz_}"
        for noun in "${nouns[@]}"; do
            program=$source_dir/build/fuzz/bin/fuzz_$noun
            found=$source_dir/build/fuzz/found/$noun
            mkdir -p "$found"
            printf 'add_test(libfuzzer/%s %s -max_total_time=%s -timeout=10 -rss_limit_mb=2048 -artifact_prefix=%s/ %s %s)\n' \
                "$noun" "$program" "$fuzz_seconds" "$source_dir/build/fuzz" "$found" "$source_dir/tests/fuzz/corpus/$noun"
            printf 'set_tests_properties(libfuzzer/%s PROPERTIES LABELS fuzz TIMEOUT %s)\n' "$noun" $((fuzz_seconds + 120))
        done >"$suite/libfuzzer/CTestTestfile.cmake"
    else
        say "libFuzzer runs skipped: clang-14 is not installed"
    fi
fi

printf 'subdirs("%s" asan libfuzzer)\n' "$source_dir/build/release" >"$suite/CTestTestfile.cmake"

labels=$(IFS='|'; printf '%s' "${wanted[*]}")
output=$suite/output.txt
status=0
export CTEST_OUTPUT_ON_FAILURE=1 CTEST_PROGRESS_OUTPUT=0
ctest --test-dir "$suite" -L "^(${labels})\$" -j "${JOBS:-$(nproc)}" --no-tests=error --no-label-summary \
    2>&1 | tee "$output" || status=$?

# A test that cannot run here says why (SKIP: reason) and is shown, so that nothing is left out silently.
log=$suite/Testing/Temporary/LastTest.log
if grep -q '^SKIP: ' "$log" 2>/dev/null; then
    say "left out here:"
    grep '^SKIP: ' "$log" | sort -u
fi
grep -E '^[0-9]+% tests passed' "$output" || say "no test ran"
exit "$status"
