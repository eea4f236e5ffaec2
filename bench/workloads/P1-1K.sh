# 1000-byte records, no key, from one thread to one partition.
size=1000 records=1000000
[ -z "$smoke" ] || records=500000
. "$here/workloads/produce.sh"
variants=(limit ours ours-large ours-4 librdkafka java ours limit)
[ -z "$smoke" ] || variants=(limit ours ours limit)
yardstick limit mb_per_second
note limit "null broker, 1 MiB batches, 8 in flight"
note ours "defaults: acks all, idempotent, batches of 16 KiB, adaptive linger, no fsync"
note ours-large "$ours_large_is"
note ours-4 "$ours_4_is"
note librdkafka "$librdkafka_is"
note java "Kafka 3.9's producer to Kafka 3.9, acks 1, linger 5 ms, batches of 64 KiB, no fsync"
target mb_per_second ours limit at-least 0.7
