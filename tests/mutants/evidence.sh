#!/bin/bash
# tests/mutants/evidence.sh - which broken promises do simulators and explorers see?
set -u

usage() {
    cat <<'USAGE'
usage: tests/mutants/evidence.sh [--update] [--seeds N] [--states N] [MUTANT...]

Every mutant of tests/mutants/table.txt that a simulator has, in the cores that it links or in its
shells (or only the named ones): it runs up to N seeds (20,000) on one processor and, if it sees nothing,
the explorer up to N states (2,000,000); those of groups in the simulator and explorer of groups.
Prints a table, with the processor's time to the first failure;
--update puts the rows into docs/evidence/mutants.md, where those that were not tried stay. Builds in a
copy of $KAIRN_BUILD (default: ./build). Exit status: 0 when every mutant was seen, 1 when not, 2 wrong
usage.
USAGE
}

top=$(cd "$(dirname "$0")/../.." && pwd)
build=${KAIRN_BUILD:-$top/build} update='' seeds=20000 states=2000000 wanted=()
while [ $# -gt 0 ]; do
    case $1 in
    -h|--help) usage; exit 0 ;;
    --update) update=1; shift ;;
    --seeds) seeds=${2-}; shift 2 || exit 2 ;;
    --states) states=${2-}; shift 2 || exit 2 ;;
    -*) usage >&2; exit 2 ;;
    *) wanted+=("$1"); shift ;;
    esac
done
[ -e "$build/Makefile" ] || { echo "evidence.sh: no build in $build: set KAIRN_BUILD" >&2; exit 2; }
# Beside the build, as what it is made from may be named relative to it.
work=$(mktemp -d "$(dirname "$build")/build-evidence.XXXXXX") && trap 'rm -rf "$work"' EXIT
make -s -C "$build" tests/sim/sim tests/explore/explore tests/sim/sim_groups tests/explore/explore_groups > /dev/null || exit 2
cp -a "$build/." "$work/" || exit 2

macro() { echo "MUTANT_$(echo "$1" | tr 'a-z-' 'A-Z_')"; }

# What the simulators have: features, reassignments, reports of lost copies, topics that are made,
# altered or deleted are not part of their worlds; nor is how even and how sticky an assignment is.
rows() {
    local name source rest
    while read -r name source rest; do
        case $name/$source in
        '#'*|*/features.c|*/reassign.c|*/alter.c|*/reports.c|*/config_plan.c) ;;
        forgotten-deletion/*|forgotten-ticket/*) ;;
        */server/core/*|given-before-revoked/*) echo "$name" ;;
        *) ! grep -qw "$(macro "$name")" "$top"/tests/sim/*.c || echo "$name" ;;
        esac
    done < "$top/tests/mutants/table.txt"
}
# In the programs of groups or of a cluster?
suffix_of() { awk -v name="$1" '$1 == name && $2 ~ /core\/groups|client\/assign_/ { print "_groups" }' "$top/tests/mutants/table.txt"; }
test_of() { awk -v name="$1" '$1 == name { print $3 }' "$top/tests/mutants/table.txt"; }
[ ${#wanted[@]} -gt 0 ] || mapfile -t wanted < <(rows)

# What is compiled from a file of the cores or the simulator that names the mutant.
objects_of() { # macro
    local source
    for source in $(cd "$top" && grep -lw "$1" server/core/*.c tests/sim/*.c client/assign_*.c); do
        source=$work/${source%.c}
        case $source in */client/*) source=$work/client/libklientcore_la-$(basename "$source") ;; esac
        echo "$source.lo $source.o $(dirname "$source")/.libs/$(basename "$source").o"
    done
}

# Runs it; its output is in $work/out, the processor's seconds in `seconds`.
timed() { # command...
    local TIMEFORMAT='%U %S'
    seconds=$( { time timeout 600 "$@" > "$work/out" 2>&1; } 2>&1 | tail -n 1 | awk '{ printf "%.1f", $1 + $2 }')
}

# One row: mutant, who sees it, how, after which time, when.
stale=
try() { # mutant
    local objects found line seconds suffix
    suffix=$(suffix_of "$1")
    objects=$(objects_of "$(macro "$1")")
    rm -f $objects $stale
    stale=$objects
    make -s -C "$work" MUTANT_CFLAGS="-D$(macro "$1") -Wno-unused" tests/sim/sim$suffix tests/explore/explore$suffix > "$work/log" 2>&1 < /dev/null ||
        { tail -n 5 "$work/log" >&2; row="| \`$1\` | does not build | | | |"; return 1; }
    timed "$work/tests/sim/sim$suffix" --seeds "$seeds" --jobs 1 --failures 1
    line=$(grep '^FAIL seed' "$work/out")
    found="simulator${suffix:+ of groups}"
    if [ -z "$line" ]; then
        timed "$work/tests/explore/explore$suffix" --states "$states"
        line=$(grep -E '^FAIL|Assertion' "$work/out" | tail -n 1)
        found="explorer${suffix:+ of groups}"
    fi
    [ -n "$line" ] || { row="| \`$1\` | only $(test_of "$1") | | | $(date -u +%F) |"; return 1; }
    line=$(echo "$line" | sed 's/^FAIL //; s/.*Assertion/assertion/; s/|/\\|/g')
    row="| \`$1\` | $found | ${line:0:110} | $seconds s | $(date -u +%F) |"
}

# The page with these rows; those of mutants that were not tried stay as they were, and what stands
# behind the table.
write_page() { # file with rows, page
    {
        echo '# Broken promises, and which simulator or explorer sees them'
        echo
        echo 'Made by `tests/mutants/evidence.sh --update`: the first seed of the simulator that fails, or what the explorer says,'
        echo 'and the seconds of one processor until then. `tests/sim/sim --seed N` (of groups: `tests/sim/sim_groups --seed N`) of a'
        echo 'build with the mutant tells that life.'
        echo 'A row with "only" names the test that sees the mutant where neither of them does (`tests/mutants/run NAME`);'
        echo 'docs/evidence/simulator.md says why.'
        echo
        echo '| mutant | seen by | as | after | on |'
        echo '|---|---|---|---|---|'
        sort -s -t '`' -k 2,2 -u "$1" <(grep '^| `' "$2" 2> /dev/null)
        awk '/^\|/ { table = 1; next } table' "$2" 2> /dev/null
    } > "$work/page"
    cp "$work/page" "$2"
}

missed=0
for mutant in "${wanted[@]}"; do
    try "$mutant" || missed=1
    echo "$row"
    echo "$row" >> "$work/rows"
    [ -z "$update" ] || write_page "$work/rows" "$top/docs/evidence/mutants.md"
done
exit $missed
