# 100-byte records, no key, from one thread to one partition.
size=100 records=10000000
. "$here/workloads/produce.sh"
variants=(limit ours librdkafka java ours limit)
yardstick limit mb_per_second
note limit "null broker, 1 MiB batches, 8 in flight"
note ours "defaults: acks all, idempotent, batches of 16 KiB, adaptive linger, no fsync"
note librdkafka "$librdkafka_is"
note java "Kafka 3.9's producer to Kafka 3.9, acks 1, linger 5 ms, batches of 64 KiB, no fsync"
target records_per_second ours librdkafka at-least 2
target records_per_second ours java at-least 4
