#!/bin/bash
# tests/valgrind/run notices what memcheck finds, and what crashes, in a program and in its tests.
set -u
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
export KAIRN_TEST_WORK=$dir KAIRN_BUILD
KAIRN_BUILD=$(cd "${top_builddir:-.}" && pwd)
die() { echo "FAIL: $*" >&2; cat "$dir/said" >&2; exit 1; }

run() { "${top_srcdir:-.}/tests/valgrind/run" "$@" > "$dir/said" 2>&1; }
# What the case of tests/valgrind/sick comes to, and what is said of it.
expect() { # case, status, words
    local status
    CK_RUN_CASE=$1 run tests/valgrind/sick
    status=$?
    [ $status -ne 77 ] || { tail -n 1 "$dir/said"; exit 77; }
    [ $status -eq "$2" ] || die "case $1: status $status"
    grep -q "$3" "$dir/said" || die "case $1: not a word of '$3'"
}
expect well 0 'Checks: 1, Failures: 0, Errors: 0'
expect late 0 'Checks: 1, Failures: 0, Errors: 1'
expect lost 1 'definitely lost'
expect freed 1 'Invalid read of size 1'
expect unwritten 1 'depends on uninitialised value'
expect crash 1 'Received signal 11'

! KAIRN_SICK_MAIN=aborts run tests/valgrind/sick || die "a program that aborts"
! run tests/valgrind/nothing || die "a program that is not there"
[ "$(ls "$dir")" = said ] || die "something is left: $(ls "$dir")"
