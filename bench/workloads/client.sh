# libklient alone: 100-byte records to a broker in the same process that throws them away.
variants=(ours mock ours)
records=5000000
note ours "one thread, wall time of sends and final flush"
note mock "librdkafka with its own mock cluster, linger 50 ms, batches of 1 MB"
target ns_per_record ours - at-most 150
target ns_per_record ours mock at-most 0.5

# The program prints words: "55 ns/record wall, ...".
in_words() { "$build/bench/klient_produce" --size 100 --count $records | sed 's|^\([0-9.]*\) ns/record wall, .* \([0-9.]*\) ns cpu in all.*|{"ns_per_record": \1, "processor_ns_per_record": \2}|'; }
run_ours() { measure ours - 1 ns_per_record,processor_ns_per_record in_words; }
run_mock() { measure mock - 1 ns_per_record,processor_ns_per_record "$rdkafka" produce mock bench 100 $records 640000 acks=1 linger.ms=50 batch.size=1000000 batch.num.messages=100000 queue.buffering.max.messages=2000000; }
