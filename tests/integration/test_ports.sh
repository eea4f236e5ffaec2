#!/bin/bash
# Tests that run beside each other never take the same ports, however they come to choose.
. "$(dirname "$0")/lib.sh"

RANDOM=7
take_ports
ours=$port_base
theirs=$(RANDOM=7; take_ports; echo "$port_base")
expect_match "others find some, too" "$theirs" '^[1-3][0-9]{4}$'
[ "$theirs" -ne "$ours" ] || die "both have taken $ours"

# What somebody took who is gone, or left behind without a lock, is free again.
again=$(RANDOM=7; take_ports > /dev/null; echo "$port_base")
expect_equal "they are free again" "$again" "$theirs"
echo passed
