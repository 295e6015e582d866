#!/usr/bin/env bash
# quickstart.sh - Meridian with four demo regions on this machine, used as a user would.
# SPDX-License-Identifier: Apache-2.0
#
# Every step states what is expected, does it, and prints one line: ok, or FAILED with what was seen. All files are below
# build/, all addresses are loopback ones, all ports are unprivileged, and whatever was started is stopped on the way out.
set -euo pipefail
source_dir=$(cd "$(dirname "$(readlink -f "$0")")/.." && pwd)
# shellcheck source=deploy/common.sh
. "$source_dir/deploy/common.sh"

usage() {
    cat <<EOF
usage: deploy/quickstart.sh [--fleet] [--once]
Installs what is missing (as root), builds build/release, starts four demo regions and meridiand, and shows what it does.
  --fleet  three PoPs that share what they know through two Redis servers
  --once   check every step, stop everything, exit with 0 when all were as expected, else 1
  --help   this text
Without --once everything stays up until Ctrl-C; the last lines say what to try.
Environment: DNS_PORT (5300), ADMIN_PORT (8053), REGION_PORT (8080), REDIS_PORT (6390): where to begin looking for a free port.
EOF
}

once=no fleet=no
for argument in "$@"; do
    case $argument in
    --once) once=yes ;;
    --fleet) fleet=yes ;;
    -h | --help) usage; exit 0 ;;
    *) usage >&2; exit 2 ;;
    esac
done

REGIONS=(us-east-1 us-west-2 eu-west-1 ap-southeast-1) # region i listens on 127.0.1.(i+1)
NAME=api.example.com
STEP_S=20 # the longest that any step waits for its outcome

started=$EPOCHREALTIME
folder=$source_dir/build/quickstart
bin=$source_dir/build/release/bin
failed=0
children=() # pids, to be ended in the opposite order
declare -A region_pid=() daemon_pid=()

seconds_since() { awk -v from="$1" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }'; }
ok() { printf 'ok      %s\n' "$*"; }
bad() {
    printf 'FAILED  %s\n' "$*"
    failed=$((failed + 1))
}

# ---- start and stop ----

# shellcheck disable=SC2317 # called by the traps
stop_all() {
    local status=$? pid i
    trap - EXIT INT TERM HUP
    for ((i = ${#children[@]} - 1; i >= 0; i--)); do kill "${children[i]}" 2>/dev/null || true; done
    for pid in "${children[@]}"; do wait "$pid" 2>/dev/null || true; done
    exit "$status"
}

# Local ports in use, by the kernel's tables: needs no tool and sees every address.
port_in_use() {
    local hex
    printf -v hex ':%04X' "$1"
    { cat /proc/net/{tcp,udp,tcp6,udp6} 2>/dev/null || true; } |
        awk -v port="$hex" 'substr($2, length($2) - 4) == port { found = 1 } END { exit !found }'
}

# port_pick FIRST: the first free port of a hundred.
port_pick() {
    local port
    [[ $1 =~ ^[0-9]+$ && $1 -ge 1024 && $1 -le 65000 ]] || fail "no unprivileged port: $1"
    for ((port = $1; port < $1 + 100; port++)); do
        if ! port_in_use "$port"; then
            say "$port"
            return
        fi
    done
    fail "no free port from $1 to $(($1 + 99))"
}

region_address() {
    local i
    for i in "${!REGIONS[@]}"; do
        [[ ${REGIONS[i]} != "$1" ]] || say "127.0.1.$((i + 1))"
    done
}

# kill_hard PID: SIGKILL, and gone when this returns.
kill_hard() {
    kill -KILL "$1"
    { wait "$1" || true; } 2>/dev/null
}

region_start() {
    "$bin/demo_region" "$1" "$(region_address "$1")" "$region_port" >>"$folder/$1.log" 2>&1 9>&- &
    region_pid[$1]=$!
    children+=($!)
}

# ---- meridiand ----

# configure NAME POP LATITUDE LONGITUDE: the demo's configuration for $dns_port and $admin_port, in $folder/NAME.yaml
configure() {
    sed -e "s|@POP@|$2|; s|@LATITUDE@|$3|; s|@LONGITUDE@|$4|" \
        -e "s|@DNS_PORT@|$dns_port|; s|@ADMIN_PORT@|$admin_port|; s|@REGION_PORT@|$region_port|" \
        -e "s|@ZONE_FILE@|$source_dir/deploy/demo/example.com.zone|" \
        "$source_dir/deploy/demo/meridian.yaml.in" >"$folder/$1.yaml"
}

daemon_start() {
    "$bin/meridian" check "$folder/$1.yaml" >"$folder/check.log" 2>&1 ||
        fail "the demo's configuration is refused: $(cat "$folder/check.log")"
    "$bin/meridiand" --config "$folder/$1.yaml" >"$folder/$1.log" 2>&1 9>&- &
    daemon_pid[$1]=$!
    children+=($!)
}

daemon_ready() {
    local deadline=$((SECONDS + STEP_S))
    until [[ -n $(answer_for 0.0.0.0/0) ]]; do
        kill -0 "${daemon_pid[$1]}" 2>/dev/null || fail "meridiand ended at once: $(tail -n 5 "$folder/$1.log")"
        [[ $SECONDS -lt $deadline ]] || fail "no answer within $STEP_S s: $(tail -n 5 "$folder/$1.log")"
        sleep 0.02
    done
}

# daemon_stop NAME: as an operator would
daemon_stop() {
    local status=0
    kill "${daemon_pid[$1]}"
    wait "${daemon_pid[$1]}" || status=$?
    if [[ $status == 0 ]]; then ok "SIGTERM: meridiand ended with 0 ($1)"; else bad "SIGTERM: meridiand ended with $status ($1)"; fi
}

# ---- a user's view ----

# What a client of this network gets, as `REGION ADDRESS TTL SCOPE`; nothing when there is no answer.
answer_for() {
    local address ttl scope i
    read -r address ttl scope < <(
        dig @127.0.0.1 -p "$dns_port" +tries=1 +time=1 +subnet="$1" "$NAME" A 2>/dev/null |
            awk '/CLIENT-SUBNET:/ { n = split($NF, part, "/"); scope = part[n] } $4 == "A" { address = $5; ttl = $2 }
                 END { print address, ttl, scope }'
    ) || true
    [[ -n $address ]] || return 0
    for i in "${!REGIONS[@]}"; do
        [[ $(region_address "${REGIONS[i]}") != "$address" ]] || say "${REGIONS[i]} $address $ttl $scope"
    done
}

# expect WHO SUBNET REGION: one question, one fetch from the address that was answered.
expect() {
    local region='' address='' ttl='' scope='' said
    read -r region address ttl scope < <(answer_for "$2") || true
    if [[ $region != "$3" ]]; then
        bad "$1 ($2): expected $3, got ${region:-no answer}"
        return
    fi
    said=$(curl -s -m 2 "http://$address:$region_port/v1/hello" || true)
    if [[ $said != *"\"region\": \"$3\""* ]]; then
        bad "$1 ($2): answered $region at $address, but an HTTP request there gave: ${said:-nothing}"
        return
    fi
    ok "$(printf '%-24s %-18s -> %-14s %s, ttl %s s, scope /%s' "$1" "$2" "$region" "$address" "$ttl" "$scope")"
}

# await SUBNET [not] REGION: seconds until the answer is as wanted, on standard output; fails after STEP_S.
await() {
    local subnet=$1 negate=no region rest from=$EPOCHREALTIME deadline=$((SECONDS + STEP_S))
    shift
    [[ $1 != not ]] || { negate=yes && shift; }
    while :; do
        region=
        # shellcheck disable=SC2034 # rest: the other columns
        read -r region rest < <(answer_for "$subnet") || true
        if [[ -n $region ]] && { [[ $negate == no && $region == "$1" ]] || [[ $negate == yes && $region != "$1" ]]; }; then
            seconds_since "$from"
            return 0
        fi
        [[ $SECONDS -lt $deadline ]] || return 1
        sleep 0.05
    done
}

meridian() { "$bin/meridian" "$@" --admin "127.0.0.1@$admin_port"; }

# ---- the steps ----

regions_start() {
    local name
    for name in "${REGIONS[@]}"; do
        : >"$folder/$name.log"
        region_start "$name"
    done
}

step_start() {
    regions_start
    configure meridian pop-demo 52.37 4.90
    daemon_start meridian
    daemon_ready meridian
    ok "ready after $(seconds_since "$started") s: DNS on 127.0.0.1 port $dns_port, admin on port $admin_port," \
        "regions on 127.0.1.1 to 127.0.1.4 port $region_port"
}

step_clients() {
    expect "New York" 128.59.0.0/16 us-east-1
    expect "Seattle (pinned)" 128.95.0.0/16 us-west-2
    expect "Germany" 80.128.0.0/12 eu-west-1
    expect "Singapore" 137.132.0.0/16 ap-southeast-1
    expect "Brazil" 143.107.0.0/16 us-east-1
    expect "US East, IPv6" 2600:4040::/32 us-east-1
    expect "Berkeley, IPv6 (pinned)" 2607:f140::/32 us-west-2
    expect "Germany, IPv6" 2003::/32 eu-west-1
    expect "Singapore, IPv6" 2406:3003::/32 ap-southeast-1
    expect "Brazil, IPv6" 2804:14c::/36 us-east-1
}

step_explain() {
    local client=137.132.0.0/16 region=ap-southeast-1 text
    if text=$(meridian explain "$NAME" --client "$client" 2>&1) && [[ $text == *"$region"* ]]; then
        ok "meridian explain $NAME --client $client"
        printf '%s\n' "$text" | sed 's/^/          /'
    else
        bad "meridian explain $NAME --client $client: expected a page that names $region, got: $text"
    fi
}

step_load() {
    local region=eu-west-1 load=8000 client=80.128.0.0/12 took text
    if ! text=$(meridian report "$region" --load "$load" 2>&1); then
        bad "meridian report $region --load $load: $text"
        return
    fi
    if took=$(await "$client" us-east-1); then
        ok "$region reports $load requests/s, a hundred times what it can take: Germany's clients spill to us-east-1 after $took s"
    else
        bad "$region reports $load requests/s, a hundred times what it can take: expected us-east-1 for $client, got $(answer_for "$client")"
    fi
    expect "Singapore meanwhile" 137.132.0.0/16 ap-southeast-1
    if text=$(meridian report "$region" --load 8 2>&1) && took=$(await "$client" "$region"); then
        ok "$region reports 8 requests/s: Germany's clients are back after $took s"
    else
        bad "$region reports 8 requests/s: expected $region for $client, got $(answer_for "$client") $text"
    fi
}

step_kill() {
    local region=ap-southeast-1 client=137.132.0.0/16 took
    kill_hard "${region_pid[$region]}"
    if took=$(await "$client" not "$region"); then
        ok "$region was killed: gone from Singapore's answers after $took s, now $(answer_for "$client" | cut -d ' ' -f 1)"
    else
        bad "$region was killed: still answered to $client after $STEP_S s"
    fi
    expect "Germany meanwhile" 80.128.0.0/12 eu-west-1
    region_start "$region"
    if took=$(await "$client" "$region"); then
        ok "$region was started again: back in Singapore's answers after $took s"
    else
        bad "$region was started again: expected it for $client within $STEP_S s, got $(answer_for "$client")"
    fi
}

step_stop() { daemon_stop meridian; }

try_it() {
    cat <<EOF
  dig @127.0.0.1 -p $dns_port $NAME +subnet=81.2.69.0/24
  $bin/meridian explain $NAME --client 81.2.69.0/24 --admin 127.0.0.1@$admin_port
  $bin/meridian status --admin 127.0.0.1@$admin_port
  $bin/meridian report us-east-1 --load 100 --admin 127.0.0.1@$admin_port
  kill ${region_pid[us-east-1]}     # ends us-east-1; its answers are gone a second later
  \$EDITOR $folder/meridian.yaml && kill -HUP ${daemon_pid[meridian]}
  curl http://127.0.0.1:$admin_port/metrics
EOF
}

# ---- the whole ----

STEPS=(step_start step_clients step_explain step_load step_kill)
sections=(run)
if [[ $fleet == yes ]]; then
    # shellcheck source=deploy/demo/fleet.sh
    . "$source_dir/deploy/demo/fleet.sh" # other steps, what is to be tried, and how it all stops
    sections+=(fleet)
fi

packages_install "${sections[@]}"
build_preset release meridiand meridian demo_region

mkdir -p "$folder"
exec 9>"$folder/lock"
flock -n 9 || fail "another quickstart is running from this tree (it holds $folder/lock)"
trap stop_all EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

dns_port=$(port_pick "${DNS_PORT:-5300}")
admin_port=$(port_pick "${ADMIN_PORT:-8053}")
region_port=$(port_pick "${REGION_PORT:-8080}")

for step in "${STEPS[@]}"; do "$step"; done
[[ $once == no ]] || step_stop
say ""
if [[ $failed == 0 ]]; then say "quickstart: every step as expected"; else say "quickstart: $failed steps FAILED"; fi
if [[ $once == yes ]]; then
    [[ $failed == 0 ]] || exit 1
    exit 0
fi
say ""
say "Everything stays up until Ctrl-C. Try, in another terminal:"
try_it
say "Logs and configuration: $folder"
wait -n "${daemon_pid[@]}" || fail "a meridiand ended, see the logs"
