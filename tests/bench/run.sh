#!/bin/bash
# run.sh - Meridian, gdnsd and the bare echo under the same load in the same rounds. See README.md.
# SPDX-License-Identifier: Apache-2.0
#
#   tests/bench/run.sh              all parts, about 15 minutes; the table goes to build/bench/RESULTS.md and to the terminal
#   tests/bench/run.sh PART...      some of: load latency footprint instructions
#
# ROUNDS (5), SECONDS_EACH (3), BUILD (build/release), WORK (build/bench), SERVER_CPU (0), LOAD_CPU (1).
# As root, on Debian 12 with two processors: it works in a network namespace of its own, which ends with it.
set -u
if [ -z "${BENCH_INSIDE:-}" ]; then
    # A session of its own is a scheduling group of its own: other work on the machine disturbs less.
    BENCH_INSIDE=1 exec unshare --net setsid --wait "$0" "$@"
fi
here=$(cd "$(dirname "$0")" && pwd)
cd "$here/../.." || exit 1
rounds=${ROUNDS:-5} seconds=${SECONDS_EACH:-3} build=${BUILD:-build/release} work=$(realpath -m "${WORK:-build/bench}")
server_cpu=${SERVER_CPU:-0} load_cpu=${LOAD_CPU:-1}
parts=" ${*:-load latency footprint instructions} "
address=127.0.0.1 blast=$build/bin/bench_blast echo=$build/bin/bench_echo meridiand=$build/bin/meridiand
test_database=tests/data/maxmind-test/databases/GeoIP2-City-Test.mmdb
declare -A pids ports started

end_all() {
    local pid
    for pid in "${pids[@]}"; do kill "$pid" 2>/dev/null; done
    sleep 0.3
    for pid in "${pids[@]}"; do kill -9 "$pid" 2>/dev/null; done
}
fail() {
    echo "run.sh: $*" >&2
    exit 1
}

prepare() {
    local program
    for program in gdnsd valgrind python3 taskset; do
        command -v "$program" >/dev/null || fail "$program is not installed (deploy/packages.txt lists what the tests need)"
    done
    for program in "$blast" "$echo" "$meridiand"; do
        [ -x "$program" ] || fail "$program is not built: cmake --preset release && cmake --build build/release"
    done
    mkdir -p "$work"
    (echo -20 >/proc/self/autogroup) 2>/dev/null # before other scheduling groups, where the kernel allows it
    if ! ip link set lo up || ! ip route add local 0.0.0.0/0 dev lo; then fail "cannot set up the network namespace (root?)"; fi
    if [ ! -s "$work/big.subnets" ]; then
        python3 -B "$here/mmdb.py" write "$work/big.mmdb" "$work/big.subnets" 200000 || exit 1
    fi
    cp "$test_database" "$work/test.mmdb" || exit 1
    python3 -B "$here/mmdb.py" sample "$work/test.mmdb" "$work/test.subnets" "$work/test.sources" || exit 1
    rm -f "$work"/{samples,footprint,instructions}
    trap end_all EXIT
}

# start NAME PORT SECONDS COMMAND...: a server on the server's processor
start() {
    local name=$1 port=$2 wait=$3 answer
    shift 3
    answer=$(python3 -B "$here/ask.py" start $address "$port" "$wait" "$work/$name.log" taskset -c "$server_cpu" "$@") || return 1
    read -r "pids[$name]" "started[$name]" <<<"$answer"
    ports[$name]=$port
}
end() { # NAME
    local pid=${pids[$1]}
    kill "$pid" 2>/dev/null
    tail --pid="$pid" -s 0.02 -f /dev/null
    unset "pids[$1]"
}
# fill NAME PORT DATABASE: the directory $work/NAME with the zone and the configuration of the peer that NAME begins with
fill() {
    local directory=$work/$1 template target
    case $1 in
    gdnsd*) template=gdnsd.config.in target=config ;;
    *) template=meridian.yaml.in target=meridian.yaml ;;
    esac
    rm -rf "$directory" && mkdir -p "$directory"/{run,state,zones}
    sed -e "s|@ADDRESS@|$address|;s|@PORT@|$2|;s|@DATABASE@|$3|;s|@DIRECTORY@|$directory|" "$here/peers/$template" >"$directory/$target"
    cp "$here/peers/example.com.zone" "$directory/example.com.zone"
    { cat "$directory/example.com.zone" && echo 'api DYNA geoip!api'; } >"$directory/zones/example.com"
}
# add_zones NAME COUNT: that many small zones to a directory that was filled for Meridian
add_zones() {
    local directory=$work/$1
    awk -v count="$2" -v directory="$directory/zones" 'BEGIN {
        for (i = 0; i < count; i++) {
            file = directory "/zone" i ".test"
            print "$TTL 60\n@ SOA ns1 host 1 7200 900 1209600 60\n@ NS ns1\nns1 A 192.0.2.1\nwww A 192.0.2.80" >file
            close(file)
            print "  - {origin: zone" i ".test, file: zones/zone" i ".test}"
        }
    }' >"$directory/zones.yaml"
    sed -i "/^zones:/r $directory/zones.yaml" "$directory/meridian.yaml"
}
start_gdnsd() { # NAME PORT SECONDS [PREFIX...]
    local name=$1 port=$2 wait=$3
    shift 3
    start "$name" "$port" "$wait" "$@" "$(command -v gdnsd)" -c "$work/$name" start
}
start_meridian() { # NAME PORT SECONDS [PREFIX...]
    local name=$1 port=$2 wait=$3
    shift 3
    start "$name" "$port" "$wait" "$@" "$(realpath "$meridiand")" --config "$work/$name/meridian.yaml" --log-level warning
}

start_all() {
    local database port=5310
    start echo 5300 10 "$echo" $address 5300 || exit 1
    start echo-runs 5301 10 "$echo" $address 5301 runs || exit 1
    for database in test big; do
        fill gdnsd-$database $port "$work/$database.mmdb"
        fill meridian-$database $((port + 1)) "$work/$database.mmdb"
        start_gdnsd gdnsd-$database $port 30 || exit 1
        start_meridian meridian-$database $((port + 1)) 30 || exit 1
        port=$((port + 10))
    done
    local name count wrong=0
    for name in gdnsd-test meridian-test gdnsd-big meridian-big; do
        count=3000
        [ "${name##*-}" = test ] && count=600
        printf '%s: ' $name >&2
        python3 -B "$here/ask.py" check $address "${ports[$name]}" "$work/${name##*-}.subnets" $count >&2 || wrong=1
    done
    [ $wrong = 0 ] || fail "answers are wrong: nothing to measure"
}

waited_ns() { # time that the threads of a process were ready and had no processor
    cat "/proc/$1/task"/*/schedstat 2>/dev/null | awk '{ns += $2} END {printf "%d", ns}'
}
# sample ROUND SCENARIO NAME option...: one line in $work/samples; taken again, twice at most, when other work disturbed it
sample() {
    local round=$1 scenario=$2 name=$3 try line before waited percent
    shift 3
    for try in 1 2 3; do
        before=$(waited_ns "${pids[$name]}")
        line=$("$blast" --server $address --port "${ports[$name]}" --cpu "$load_cpu" --seconds "$seconds" "$@") || fail "blast"
        waited=$(($(waited_ns "${pids[$name]}") - before))
        percent=$(awk -v ns=$waited -v s="$seconds" 'BEGIN {printf "%.1f", ns / s / 1e7}')
        [[ $line =~ waited_percent=([0-9]+) ]] && [ "${BASH_REMATCH[1]}" -lt 4 ] && [ "${percent%.*}" -lt 4 ] && break
    done
    name=${name%-test} name=${name%-big}
    line="round=$round scenario=$scenario server=$name $line server_waited_percent=$percent tries=$try"
    echo "$line" >>"$work/samples"
    cut -d' ' -f1-4 <<<"$line" >&2
}

measure_load() {
    local round name static=(echo gdnsd-test meridian-test) big=(echo gdnsd-big meridian-big)
    for round in $(seq "$rounds"); do
        for name in "${static[@]}"; do sample "$round" static "$name" www.example.com; done
        for name in "${static[@]}"; do
            sample "$round" source "$name" --sockets 32 --window 8 --sources "$work/test.sources" api.example.com
        done
        for name in "${static[@]}"; do sample "$round" ecs "$name" --subnets "$work/test.subnets" api.example.com; done
        for name in "${big[@]}"; do sample "$round" ecs-big "$name" --subnets "$work/big.subnets" api.example.com; done
        for name in "${static[@]}"; do sample "$round" nxdomain "$name" '%.example.com'; done
        for name in "${static[@]}"; do sample "$round" static-single "$name" --single www.example.com; done
    done
    for round in $(seq "$rounds"); do sample "$round" static echo-runs www.example.com; done
}

measure_latency() {
    local round name
    for round in $(seq "$rounds"); do
        for name in echo gdnsd-test meridian-test; do
            sample "$round" rate-static "$name" --rate 50000 --window 1024 www.example.com
        done
        for name in echo gdnsd-big meridian-big; do
            sample "$round" rate-ecs-big "$name" --rate 50000 --window 1024 --subnets "$work/big.subnets" api.example.com
        done
    done
}

proportional_kib() {
    awk '/^Pss:/ {print $2}' "/proc/$1/smaps_rollup"
}
# Start-up five times, the last one then under load; memory before and after.
measure_footprint() {
    local kind database name port=5350 try before
    for kind in gdnsd-big gdnsd-test meridian-default meridian-test meridian-big meridian-zones; do
        database=$work/${kind#*-}.mmdb name=$kind-footprint
        [ "$kind" = meridian-default ] && database=default
        [ "$kind" = meridian-zones ] && database=$work/test.mmdb
        fill "$name" $port "$database"
        [ "$kind" = meridian-zones ] && add_zones "$name" 10000
        for try in 1 2 3 4 5; do
            "start_${kind%-*}" "$name" $port 30 || exit 1
            echo "server=$kind start_ms=${started[$name]}" >>"$work/footprint"
            [ $try = 5 ] || end "$name"
        done
        before=$(proportional_kib "${pids[$name]}")
        "$blast" --port $port --cpu "$load_cpu" --seconds 1 www.example.com >/dev/null
        "$blast" --port $port --cpu "$load_cpu" --seconds 1 --subnets "$work/big.subnets" api.example.com >/dev/null
        "$blast" --port $port --cpu "$load_cpu" --seconds 1 '%.example.com' >/dev/null
        echo "server=$kind idle_kib=$before loaded_kib=$(proportional_kib "${pids[$name]}")" >>"$work/footprint"
        end "$name"
        port=$((port + 1))
    done
    cat "$work/footprint" >&2
}

# count_instructions NAME SCENARIO option...: user instructions of the whole process while it answered, over the answers
count_instructions() {
    local name=$1 scenario=$2 line answered total before
    shift 2
    "$blast" --port "${ports[$name]}" --cpu "$load_cpu" --seconds 0.5 "$@" >/dev/null
    before=$(find "$work" -maxdepth 1 -name "$name.callgrind.*" | wc -l)
    callgrind_control --zero "${pids[$name]}" >/dev/null 2>&1
    line=$("$blast" --port "${ports[$name]}" --cpu "$load_cpu" --warmup 0 --seconds 3 "$@")
    callgrind_control --dump "${pids[$name]}" >/dev/null 2>&1
    answered=$(sed -E 's/.* answered=([0-9]+) .*/\1/' <<<"$line")
    total=$(awk '/^(summary|totals):/ {n = $2} END {printf "%d", n}' "$work/$name.callgrind.$((before + 1))")
    echo "server=${name%-*} scenario=$scenario instructions=$((total / answered)) answered=$answered" | tee -a "$work/instructions" >&2
}
measure_instructions() {
    local kind database port=5370 name
    for kind in gdnsd meridian; do
        for database in test big; do
            name=$kind-$database-callgrind
            rm -f "$work/$name".callgrind*
            fill "$name" $port "$work/$database.mmdb"
            "start_$kind" "$name" $port 600 valgrind --quiet --tool=callgrind --callgrind-out-file="$work/$name.callgrind" || exit 1
            if [ $database = test ]; then
                count_instructions "$name" static www.example.com
                count_instructions "$name" static-single --single www.example.com
                count_instructions "$name" source --sockets 32 --window 8 --sources "$work/test.sources" api.example.com
                count_instructions "$name" ecs --subnets "$work/test.subnets" api.example.com
                count_instructions "$name" nxdomain '%.example.com'
            else
                count_instructions "$name" ecs-big --subnets "$work/big.subnets" api.example.com
            fi
            end "$name"
            port=$((port + 1))
        done
    done
}

prepare
if [[ $parts == *" load "* || $parts == *" latency "* ]]; then start_all; fi
if [[ $parts == *" load "* ]]; then measure_load; fi
if [[ $parts == *" latency "* ]]; then measure_latency; fi
if [[ $parts == *" footprint "* ]]; then measure_footprint; fi
if [[ $parts == *" instructions "* ]]; then measure_instructions; fi
python3 -B "$here/report.py" "$work" | tee "$work/RESULTS.md"
