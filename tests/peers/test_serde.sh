#!/bin/bash
# What Kafka's own serializers write is what ours read, and what ours write for the same values.
. "$(dirname "$0")/../integration/lib.sh"
peers=$top/tests/peers

"$peers/kafka" run "$peers/SerdePeer.java" 1 2000 > "$dir/theirs" 2> "$dir/complaints" ||
    { status=$?; cat "$dir/complaints"; exit $status; }
[ "$(wc -l < "$dir/theirs")" -gt 10000 ] || die "Kafka's serializers write nothing"
"$build/tests/client/describe_serde" < "$dir/theirs" > "$dir/ours" || die "what Java wrote is refused"
diff "$dir/theirs" "$dir/ours" > "$dir/difference" || { head -n 10 "$dir/difference"; die "Java (<) and we (>) write different bytes"; }
echo "$(wc -l < "$dir/ours") values"
echo passed
