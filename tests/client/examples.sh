#!/bin/sh
# Runs every example of libklient against a fake broker and looks at what it prints, and builds one,
# and the program of a man page, against the installed kind of library, statically. Works in the
# build directory.
set -eu
source=${srcdir:-.}
work=$(mktemp -d)
mkfifo "$work/input"
tests/client/fake_server Existing Orders <"$work/input" >"$work/address" &
exec 3>"$work/input"
trap 'exec 3>&-; wait; rm -rf "$work"' EXIT

tries=0
until [ -s "$work/address" ]; do
    tries=$((tries + 1))
    [ $tries -lt 100 ] || { echo "the fake broker does not start"; exit 1; }
    sleep 0.1
done
address=$(cat "$work/address")

# expect WANTED COMMAND...: the output has a line that is exactly WANTED.
expect() {
    wanted=$1
    shift
    timeout 30 "$@" >"$work/output" </dev/null
    grep -qxF -- "$wanted" "$work/output" || {
        echo "$*: expected \"$wanted\", got:"
        cat "$work/output"
        exit 1
    }
}

examples=client/examples
expect "partition 2: leader 1" $examples/admin_create_topic "$address" CustomerCountry 3
expect "stored" $examples/produce "$address"
expect "0 Precision Products France" $examples/consume "$address" CustomerCountry 2 1
expect "2 0 France" $examples/group "$address" CustomerCountry 1
expect "urgent: partition 0, no error" $examples/custom_partitioner "$address" Existing
expect "trace-id: 4711" $examples/headers "$address" Existing
expect "urgent" $examples/event_loop "$address" Existing
expect "dead letters: 1" $examples/dead_letters "$address" Existing 1
expect "not sent: Existing: value.serializer: order 4711 has -1 cents (1)" \
    $examples/own_serializer "$address" Existing
expect "order 4712: 12.50 CHF" $examples/own_serializer "$address" Existing
expect "CustomerCountry-2 0 France" $examples/pattern "$address" 'CustomerC.*' 1
expect "2500 records in one order" $examples/global_order "$address" Ledger 2500
expect "2500 records done and committed" $examples/commit_chosen "$address" Ledger 2500
expect "2498 2498" $examples/seek "$address" Ledger 0 last 2
expect "0 0" $examples/seek "$address" Ledger 0 since 0
expect "every order in its order" $examples/order_by_key "$address" Orders
expect "15 records of 90 bytes, committed; 3 partitions of Orders go" \
    $examples/commit_in_listener "$address" Orders 15
expect "Answered-1 ends at 0" $examples/async "$address" Answered
expect "3 threads are done" $examples/threads "$address" Orders 15 3

# manual FILE: the program in a man page, as a reader would copy it, in a group of its own.
manual() {
    awk '/^#include <klient.h>/ { on = 1 } /^\.Ed/ { on = 0 } on' "$source/docs/man/$1" |
        sed "s/^\\\\&//; s/\\\\e/\\\\/g; s/127\\.0\\.0\\.1:9092/$address/; s/CountryCounter/Manual/"
}

# Not what a sanitizer was built into: that needs the sanitizer's own compiler.
if [ -f .libs/libklient.a ] && ! nm .libs/libklient.a | grep -q '__[at]san_'; then
    libraries=$(pkg-config --libs libevent_core libevent_pthreads libprotobuf-c zlib liblz4 libzstd libpcre2-8)
    # shellcheck disable=SC2086
    ${CC:-cc} -I"$source/client" "$source/client/examples/produce.c" .libs/libklient.a $libraries \
        -lsnappy -pthread -o "$work/produce"
    expect "stored" "$work/produce" "$address"

    manual klient_consumer_subscribe.3 > "$work/manual.c"
    # shellcheck disable=SC2086
    ${CC:-cc} -Wall -Werror -I"$source/client" "$work/manual.c" .libs/libklient.a $libraries -lsnappy \
        -pthread -o "$work/manual"
    # It runs until it is interrupted; on a busy machine longer.
    for seconds in 2 20; do
        timeout --preserve-status -s INT $seconds "$work/manual" > "$work/output"
        ! grep -qxF "CustomerCountry-2 0: France" "$work/output" || break
    done
    grep -qxF "CustomerCountry-2 0: France" "$work/output" ||
        { echo "the program of klient_consumer_subscribe(3) prints:"; cat "$work/output"; exit 1; }
fi
