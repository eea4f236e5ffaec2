# Instructions of the hot paths (bench/counts.c), compared with those of bench/instructions.txt. Two runs, the
# second with twice as many turns: the difference is what the turns cost, to the instruction.
rounds_max=1 exact=1
counts=$build/bench/counts recorded=$here/instructions.txt
[ -x "$counts" ] || skip "bench/counts is not built: that takes check (the library of tests)"
command -v valgrind > /dev/null || skip "valgrind is not installed"
conditions=$("$counts" conditions) || fail "bench/counts"
variants=(encode decode crc append fetch dispatch)
declare -A times=([encode]=10000 [decode]=10000 [crc]=1000 [append]=1000 [fetch]=1000 [dispatch]=1000) counted
note encode "a record of 100 bytes into a batch of a hundred, its share of header and checksum"
note decode "a record out of it"
note crc "batch_check() of it, 11 KB: shape and checksum"
note append "log_append() of it, without the kernel's part"
note fetch "log_read() of one somewhere in a thousand, likewise"
note dispatch "a produce request of one such record, from the broker's end of a socket to the answer, likewise"
comparable=''
[ -n "$record" ] || [ "$(sed -n 's/^note counts built //p' "$recorded" 2> /dev/null)" != "$conditions" ] || comparable=1
[ -z "$comparable" ] || for path in "${variants[@]}"; do target growth_percent "$path" - at-most 5; done

instructions() { # path, times
    rm -rf "$dir/counts" && mkdir "$dir/counts" || return 1
    valgrind --tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null --log-file="$dir/counts.log" "$counts" "$1" "$2" "$dir/counts" ||
        { cat "$dir/counts.log" >&2; return 1; }
    sed -n 's/,//g; s/.*I *refs: *\([0-9]*\)$/\1/p' "$dir/counts.log"
}
count() { # path
    local once twice before
    once=$(instructions "$1" "${times[$1]}") && twice=$(instructions "$1" $((2 * times[$1]))) || return 1
    counted[$1]=$(awk -v more=$((twice - once)) -v times="${times[$1]}" 'BEGIN { printf "%.1f", more / times }')
    samples_of "$1" "{\"instructions\": ${counted[$1]}}" instructions
    before=$(sed -n "s/^sample counts 1 $1 instructions //p" "$recorded" 2> /dev/null)
    [ -z "$comparable" ] || [ -z "$before" ] ||
        sample "$1" growth_percent "$(awk -v now="${counted[$1]}" -v before="$before" 'BEGIN { printf "%.2f", (now / before - 1) * 100 }')"
}
for path in "${variants[@]}"; do eval "run_$path() { count $path; }"; done

finish() {
    local path
    if [ -n "$record" ]; then
        { echo "note counts built $conditions"; for path in "${variants[@]}"; do echo "sample counts 1 $path instructions ${counted[$path]}"; done; } > "$recorded"
        return
    fi
    [ -n "$comparable" ] || skip "nothing to compare with: bench/instructions.txt is not of $conditions"
    grep ' counts ' "$facts" > "$dir/counts.facts"
    "$stats" floor "$dir/counts.facts" 1 || fail "a hot path takes over 5 % more instructions than it did; if it has to be, record it"
}
