# shellcheck shell=bash
# fleet.sh - the steps of `deploy/quickstart.sh --fleet`: three PoPs, two Redis servers, the four demo regions. Sourced, not run.
# SPDX-License-Identifier: Apache-2.0
#
# The servers let nobody in but the users that `meridian acl` prints; passwords are made for each run and stand in files. Each PoP
# is asked on ports of its own: `at POP COMMAND...` runs a command of the quickstart with those.
# shellcheck disable=SC2153,SC2154 # quickstart.sh sets what is not set here

POPS=(pop-eu pop-us pop-ap)
declare -A POP_PLACE=([pop-eu]="52.37 4.90" [pop-us]="39.04 -77.49" [pop-ap]="1.28 103.85")
REDIS=(redis-1 redis-2)
# clients of all four regions
declare -A CLIENTS=([128.59.0.0/16]=us-east-1 [128.95.0.0/16]=us-west-2 [80.128.0.0/12]=eu-west-1 [137.132.0.0/16]=ap-southeast-1)
ORDER_S=8
OPERATOR=alice
declare -A pop_dns=() pop_admin=() redis_port=() redis_pid=()
folder=$source_dir/build/quickstart-fleet

# shellcheck disable=SC2034 # quickstart.sh runs them
STEPS=(step_fleet_start step_agree step_region step_pop step_redis step_order step_audit)

# shellcheck disable=SC2034 # the ports are looked at by what is called
at() {
    local dns_port=${pop_dns[$1]} admin_port=${pop_admin[$1]}
    shift
    "$@"
}

# metric NAME: one sample of $admin_port, by its name and labels as written
metric() {
    { curl -s -m 2 "http://127.0.0.1:$admin_port/metrics" || true; } |
        awk -v name="$1" 'index($0, name " ") == 1 { print substr($0, length(name) + 2) }'
}

# Until it is so; fails after STEP_S.
metric_reaches() { # NAME VALUE
    local deadline=$((SECONDS + STEP_S))
    until [[ $(metric "$1") == "$2" ]]; do
        [[ $SECONDS -lt $deadline ]] || return 1
        sleep 0.05
    done
}

# everywhere COMMAND...: at every PoP that runs; the seconds until the last one succeeded, on standard output
everywhere() {
    local from=$EPOCHREALTIME pop
    for pop in "${POPS[@]}"; do
        [[ -n ${daemon_pid[$pop]:-} ]] || continue
        at "$pop" "$@" >/dev/null || return 1
    done
    seconds_since "$from"
}

# What the clients get at the PoPs that run, where it is not what they should get.
strays() {
    local pop client region rest
    for pop in "${POPS[@]}"; do
        [[ -n ${daemon_pid[$pop]:-} ]] || continue
        for client in "${!CLIENTS[@]}"; do
            region=
            # shellcheck disable=SC2034 # rest: the other columns
            read -r region rest < <(at "$pop" answer_for "$client") || true
            [[ $region == "${CLIENTS[$client]}" ]] || say "$client got ${region:-no answer} at $pop"
        done
    done
}

# Seconds until no client strays. What a PoP measured in its first second, while all of this starts, may differ from what the others did.
settled() {
    local from=$EPOCHREALTIME client
    for client in "${!CLIENTS[@]}"; do
        everywhere await "$client" "${CLIENTS[$client]}" >/dev/null || return 1
    done
    seconds_since "$from"
}

votes_are() { # COUNT: so many PoPs are heard of, this one included, and vote that every region is up
    local region
    metric_reaches 'meridian_pops{state="live"}' $(($1 - 1)) || return 1
    for region in "${REGIONS[@]}"; do
        metric_reaches "meridian_endpoint_votes{endpoint=\"$region-a\",says=\"up\"}" "$1" || return 1
    done
}

server_is() { # NAME VALUE: 1 when this PoP reaches it
    metric_reaches "meridian_redis_reachable{server=\"127.0.0.1@${redis_port[$1]}\"}" "$2"
}

# ---- start ----

password_make() { (umask 077 && head -c 24 /dev/urandom | base64 >"$folder/passwords/$1"); }

users_write() {
    local pop
    say 'user default off resetpass resetkeys resetchannels -@all'
    for pop in "${POPS[@]}"; do
        "$bin/meridian" acl "$folder/pop-eu.yaml" --passwords "$folder/passwords" --pop "$pop"
    done
    "$bin/meridian" acl "$folder/pop-eu.yaml" --passwords "$folder/passwords" --operator "$OPERATOR"
}

redis_start() {
    redis-server --port "${redis_port[$1]}" --bind 127.0.0.1 --save '' --appendonly no --dir "$folder" \
        --aclfile "$folder/users.acl" >"$folder/$1.log" 2>&1 9>&- &
    redis_pid[$1]=$!
    children+=($!)
}

# Each port is looked for beyond the one before: none of them is in use yet.
ports_pick() {
    local name next=${REDIS_PORT:-6390}
    for name in "${REDIS[@]}"; do
        redis_port[$name]=$(port_pick "$next")
        next=$((redis_port[$name] + 1))
    done
    for name in "${POPS[@]}"; do
        pop_dns[$name]=$(port_pick "$dns_port")
        pop_admin[$name]=$(port_pick "$admin_port")
        dns_port=$((pop_dns[$name] + 1)) admin_port=$((pop_admin[$name] + 1))
    done
}

pop_configure() {
    local latitude longitude name servers=()
    read -r latitude longitude <<<"${POP_PLACE[$1]}"
    at "$1" configure "$1" "$1" "$latitude" "$longitude"
    for name in "${REDIS[@]}"; do
        servers+=("    - {address: 127.0.0.1@${redis_port[$name]}, user: \"pop:$1\", password_file: \"passwords/pop:$1\"}")
    done
    printf '%s\n' 'rules: {min_regions: 2}' 'state:' '  redis:' "${servers[@]}" >>"$folder/$1.yaml"
}

step_fleet_start() {
    local name where=()
    ports_pick
    rm -rf "$folder/passwords"
    mkdir -m 700 "$folder/passwords"
    for name in "${POPS[@]}"; do
        password_make "pop:$name"
        pop_configure "$name"
    done
    password_make "operator:$OPERATOR"
    (umask 077 && users_write >"$folder/users.acl")
    for name in "${REDIS[@]}"; do redis_start "$name"; done
    regions_start
    for name in "${POPS[@]}"; do daemon_start "$name"; done
    for name in "${POPS[@]}"; do at "$name" daemon_ready "$name"; done
    for name in "${POPS[@]}"; do where+=("$name port ${pop_dns[$name]},"); done
    ok "ready after $(seconds_since "$started") s: on 127.0.0.1 ${where[*]}" \
        "Redis ports ${redis_port[redis-1]} and ${redis_port[redis-2]}"
}

# ---- the steps ----

step_agree() {
    local pop took
    for pop in "${POPS[@]}"; do
        if at "$pop" server_is redis-1 1 && at "$pop" server_is redis-2 1 && at "$pop" votes_are 3; then
            ok "$pop: both Redis servers, two other PoPs, three of three votes say up on every region"
        else
            bad "$pop: expected both Redis servers, two other PoPs and their votes, got: $(at "$pop" meridian status 2>&1)"
        fi
    done
    if took=$(settled); then
        ok "New York, Seattle, Germany and Singapore get the same answers from every PoP, after $took s"
    else
        bad "expected the same answers from every PoP within $STEP_S s: $(strays)"
    fi
    at pop-eu meridian explain "$NAME" --client 137.132.0.0/16 2>&1 | sed -n '/VOTES ON/,/^$/p' | sed 's/^/          /'
}

step_region() {
    local region=ap-southeast-1 client=137.132.0.0/16 took
    kill_hard "${region_pid[$region]}"
    if took=$(everywhere await "$client" not "$region"); then
        ok "$region was killed: gone from Singapore's answers at all three PoPs after $took s"
    else
        bad "$region was killed: still answered to $client after $STEP_S s"
    fi
    region_start "$region"
    if took=$(everywhere await "$client" "$region"); then
        ok "$region was started again: back at all three PoPs after $took s"
    else
        bad "$region was started again: expected it for $client within $STEP_S s"
    fi
}

step_pop() {
    local pop=pop-ap region=us-west-2 client=128.95.0.0/16 took wrong
    kill_hard "${daemon_pid[$pop]}"
    unset "daemon_pid[$pop]"
    if took=$(everywhere votes_are 2); then
        ok "$pop was killed: after $took s its votes count nowhere, and two of two say up on every region"
    else
        bad "$pop was killed: expected two votes on every region, got: $(at pop-eu meridian status 2>&1)"
    fi
    wrong=$(strays)
    if [[ -z $wrong ]]; then ok "the other PoPs answer as before"; else bad "$pop was killed: $wrong"; fi
    kill_hard "${region_pid[$region]}"
    if took=$(everywhere await "$client" not "$region"); then
        ok "$region was killed: the two agree without the third, gone after $took s"
    else
        bad "$region was killed: one of two PoPs still answers with it after $STEP_S s"
    fi
    region_start "$region"
    daemon_start "$pop"
    at "$pop" daemon_ready "$pop"
    if took=$(everywhere await "$client" "$region") && everywhere votes_are 3 >/dev/null; then
        ok "$pop and $region were started again: three votes on every region"
    else
        bad "$pop and $region were started again: expected three votes, got: $(at pop-eu meridian status 2>&1)"
    fi
}

step_redis() {
    local name=redis-1 wrong='' end
    kill_hard "${redis_pid[$name]}"
    if ! everywhere server_is "$name" 0 >/dev/null; then
        bad "$name was killed: expected every PoP to say so, got: $(at pop-eu meridian status 2>&1)"
        return
    fi
    end=$((SECONDS + 2))
    while [[ -z $wrong && $SECONDS -lt $end ]]; do wrong=$(strays); done
    if [[ -z $wrong ]] && everywhere votes_are 3 >/dev/null; then
        ok "$name was killed: every PoP says so, nothing changes: three votes, the same answers"
    else
        bad "$name was killed: expected no change, got: $wrong"
    fi
}

# With one server left; the operator's own user writes there, no PoP may.
step_order() {
    local region=eu-west-1 client=80.128.0.0/12 text took given
    export MERIDIAN_AUTHOR=$OPERATOR MERIDIAN_REDIS_USER=operator:$OPERATOR
    export MERIDIAN_REDIS_PASSWORD_FILE=$folder/passwords/operator:$OPERATOR
    given=$EPOCHREALTIME
    if ! text=$(at pop-eu meridian drain "$region" --for "${ORDER_S}s" --reason "power work" 2>&1); then
        bad "meridian drain $region: $text"
        return
    fi
    if everywhere await "$client" not "$region" >/dev/null; then
        took=$(seconds_since "$given")
        ok "meridian drain $region --for ${ORDER_S}s, at pop-eu: gone from Germany's answers at all three PoPs after $took s"
    else
        bad "meridian drain $region: still answered to $client after $STEP_S s; $text"
    fi
    if everywhere await "$client" "$region" >/dev/null; then
        ok "the order ended by itself: $region is back at all three PoPs, $(seconds_since "$given") s after it was given"
    else
        bad "the order did not end: expected $region for $client within $STEP_S s"
    fi
    if text=$(at pop-us meridian drain "$region" --for 1h --reason "a test of the rules" 2>&1 &&
        at pop-us meridian drain us-east-1 --for 1h --reason "a test of the rules" 2>&1 &&
        at pop-us meridian drain us-west-2 --for 1h --reason "a test of the rules" 2>&1); then
        bad "three of four regions drained: expected a refusal, got: $text"
    else
        ok "a drain that leaves the service fewer than two regions: $(grep min_regions <<<"$text")"
    fi
    for region in "$region" us-east-1; do
        text=$(at pop-us meridian undrain "$region" 2>&1) || bad "meridian undrain $region: $text"
    done
}

step_audit() {
    local text
    text=$(at pop-ap meridian audit 2>&1) || true
    if [[ $text == *"drain eu-west-1"*"by $OPERATOR"*"power work"* && $text == *"region-down  ap-southeast-1"* ]]; then
        ok "meridian audit, at pop-ap: who, what, why"
        printf '%s\n' "$text" | grep -E '^[0-9]{4}-|^ *why ' | tail -n 12 | sed 's/^/          /'
    else
        bad "meridian audit: expected $OPERATOR's orders and the regions that fell, got: $text"
    fi
}

step_stop() {
    local pop
    for pop in "${POPS[@]}"; do daemon_stop "$pop"; done
}

try_it() {
    cat <<EOF
  dig @127.0.0.1 -p ${pop_dns[pop-us]} $NAME +subnet=81.2.69.0/24
  $bin/meridian status --admin 127.0.0.1@${pop_admin[pop-eu]}
  export MERIDIAN_REDIS_USER=$MERIDIAN_REDIS_USER MERIDIAN_REDIS_PASSWORD_FILE=$MERIDIAN_REDIS_PASSWORD_FILE
  $bin/meridian drain us-east-1 --for 5m --reason "a trial" --admin 127.0.0.1@${pop_admin[pop-ap]}
  $bin/meridian orders --admin 127.0.0.1@${pop_admin[pop-eu]}
  $bin/meridian audit --follow --admin 127.0.0.1@${pop_admin[pop-us]}
  REDISCLI_AUTH=\$(cat $MERIDIAN_REDIS_PASSWORD_FILE) redis-cli -p ${redis_port[redis-2]} --user $MERIDIAN_REDIS_USER \\
      hgetall meridian:demo:probe:pop-ap
  kill ${redis_pid[redis-2]}     # the last Redis server: the PoPs go on with what they know
EOF
}
