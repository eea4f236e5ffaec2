#!/bin/bash
# tests/mutants/core.sh [WORK] - the invariants of server/core, one mutant each.
#
# The mutants are those that the sources name (#ifdef MUTANT_...). For each, only the files that
# know it are compiled again; then transcripts and random lives run until one of them fails. Uses
# $CC and Check; takes seconds.
set -u
top=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d "${1:-${TMPDIR:-/tmp}}/mutants-core.XXXXXX") || exit 1
trap 'rm -rf "$work"' EXIT
read -ra flags <<< "-std=gnu11 -D_GNU_SOURCE -O1 -I$top $(pkg-config --cflags check)"
read -ra libs <<< "-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup $(pkg-config --libs check)"

compile() { # object, arguments...
    "${CC:-cc}" "${flags[@]}" "-DTRANSCRIPTS=\"$top/tests/server/core\"" "${@:2}" -c -o "$1"
}

# Fails when a test notices something; a mutant may well trip over an assertion.
run_tests() {
    KAIRN_SEEDS=500 CK_FORK=yes timeout 120 "$1" > "$work/log" 2>&1
}

mkdir "$work/plain"
for source in "$top"/server/core/*.c "$top"/tests/server/core/*.c "$top"/tests/lib/runner.c \
    "$top"/common/{error,map,rand,uuid}.c; do
    compile "$work/plain/$(basename "$(dirname "$source")")-$(basename "$source" .c).o" "$source" || exit 1
done
"${CC:-cc}" -o "$work/test" "$work"/plain/*.o "${libs[@]}" -lpthread || exit 1
run_tests "$work/test" || { cat "$work/log"; echo "core: the tests fail without a mutant"; exit 1; }

status=0
mutants=$(grep -ohE '\bMUTANT_[A-Z_]+' "$top"/server/core/*.c | sort -u)
[ -n "$mutants" ] || { echo "core: no mutants found"; exit 1; }
for mutant in $mutants; do
    rm -rf "$work/broken" && cp -r "$work/plain" "$work/broken"
    for source in $(grep -lw "$mutant" "$top"/server/core/*.c); do
        compile "$work/broken/core-$(basename "$source" .c).o" "-D$mutant" "$source" || exit 1
    done
    "${CC:-cc}" -o "$work/test-broken" "$work"/broken/*.o "${libs[@]}" -lpthread || exit 1
    if run_tests "$work/test-broken"; then
        echo "survived  core $mutant"
        status=1
    else
        echo "noticed   core $mutant"
    fi
done
exit $status
