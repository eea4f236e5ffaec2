#!/bin/bash
# bench/stats: medians of per-round ratios, verdicts, and rounds that do not count.
set -u
stats=${top_builddir:-.}/bench/stats
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
die() { echo "FAIL: $*" >&2; exit 1; }
expect() { [[ $2 == *"$3"* ]] || die "$1: expected '$3' in: $2"; }
[ -x "$stats" ] || { echo "no $stats"; exit 77; }

facts() { cat > "$dir/facts"; }
# Ratios 0.5, 0.8 (1 and 3 averaged over 2 and 3), 0.9: ours is measured twice in round 2.
facts <<'F'
target w rate ours limit at-least 0.6
target w rate ours limit at-least 0.9
target w rate ours limit at-most 0.95
target w rate ours limit at-least 0.75
yardstick w limit rate
note w ours as it comes
sample w 1 ours rate 50
sample w 1 limit rate 100
sample w 2 ours rate 70
sample w 2 ours rate 90
sample w 2 limit rate 100
sample w 3 ours rate 90
sample w 3 limit rate 100
F
table=$("$stats" table "$dir/facts") || die "table"
expect "the median of ratios" "$table" "rate of ours / limit: 0.8 [0.65..0.85], wanted at least 0.6: met"
expect "missed" "$table" "wanted at least 0.9: missed"
expect "at most" "$table" "wanted at most 0.95: met"
expect "between the quartiles" "$table" "wanted at least 0.75: open"
expect "notes" "$table" "as it comes"
expect "for programs" "$("$stats" json "$dir/facts")" '"median": 0.8, "low": 0.65, "high": 0.85, "at_least": 0.6, "verdict": "met"'
expect "history" "$("$stats" history "$dir/facts")" "w ours.rate=80 limit.rate=100.0"
"$stats" floor "$dir/facts" 0.5 > /dev/null || die "half of every target is reached"
! "$stats" floor "$dir/facts" 0.95 > /dev/null || die "0.95 of 0.9 is not reached"

# A void round is as if it had not been.
echo 'void w 1' >> "$dir/facts"
expect "void" "$("$stats" table "$dir/facts")" "rate of ours / limit: 0.85"

# What makes a round void: a slow yardstick, a stolen processor.
facts <<'F'
yardstick w limit rate
sample w 1 limit rate 100
sample w 2 limit rate 69
sample w 3 limit rate 71
sample w 3 machine steal-permille 20
sample w 4 limit rate 100
sample w 4 machine steal-permille 21
F
for round in 1 3; do "$stats" valid "$dir/facts" w $round || die "round $round counts"; done
expect "a slow yardstick" "$("$stats" valid "$dir/facts" w 2)" "0.69 of its best"
expect "a stolen processor" "$("$stats" valid "$dir/facts" w 4)" "2.1 %"

# What is not understood is not passed over.
echo 'sample w x ours rate 5' > "$dir/facts"
! "$stats" table "$dir/facts" 2> /dev/null || die "a broken line was passed over"
awk 'BEGIN { for (i = 0; i <= 100000; i++) print "sample w", i % 200, "ours rate 5" }' > "$dir/facts"
! "$stats" table "$dir/facts" > /dev/null 2>&1 || die "the end of a long file was passed over"
echo passed
