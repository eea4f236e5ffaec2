#!/bin/bash
# deploy/quickstart as somebody types it first: data of this machine comes back byte for byte while a leader
# dies, and all of it through a group of which a member dies; nothing is left behind.
. "$(dirname "$0")/lib.sh"

apt-cache dumpavail 2> /dev/null | grep '^Package: ' > "$dir/index"
[ -s "$dir/index" ] || { echo "no package index on this machine"; exit 77; }
take_ports

timeout 240 "$top/deploy/quickstart" --dir "$dir/run" --port-base "$port_base" --build "$build" --down > "$dir/said" 2>&1 ||
    die "quickstart: $(tail -n 20 "$dir/said")"
said=$(cat "$dir/said")
expect_match "a leader dies" "$said" 'killed broker [123], the leader of debian-packages-0, with SIGKILL'
expect_match "the index comes back" "$said" 'verified: [0-9]+ records of debian-packages came back, byte for byte'
expect_match "a member dies" "$said" 'killed member 2 with SIGKILL when [0-9]+ of [0-9]+ records were read'
read_all=$(sed -n 's/^verified: the group has read all \([0-9]*\) records.* and committed all .*/\1/p' "$dir/said")
expect_equal "the group has read and committed it" "$read_all" "$(wc -l < "$dir/index")"
[ ! -e "$dir/run" ] || die "$dir/run is still there"
echo passed
