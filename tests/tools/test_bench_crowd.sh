#!/bin/bash
# bench/crowd: a hundred connections that ask one at a time; what is stored is what was acknowledged.
set -u
crowd=${top_builddir:-.}/bench/crowd
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
die() { echo "FAIL: $*" >&2; exit 1; }
[ -x "$crowd" ] || { echo "no $crowd"; exit 77; }

line=$(timeout 60 "$crowd" null "$dir" 16 100 1000 5000) || die "against the null broker"
[[ $line == *'"requests": 5000, "requests_per_second": '[1-9]* ]] || die "not counted: $line"
[ -z "$(ls "$dir")" ] || die "files are left"
! timeout 60 "$crowd" null "$dir/nowhere" 16 100 1000 5000 > /dev/null 2>&1 || die "a null broker that can not write passes"
! "$crowd" null "$dir" 2> /dev/null || die "half of the arguments will do"
echo passed
