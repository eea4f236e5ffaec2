# 1000-byte records from the page cache to one consumer.
size=1000 records=1000000
[ -z "$smoke" ] || records=500000
. "$here/workloads/consume.sh"
variants=(limit ours librdkafka java ours limit)
target mb_per_second ours limit at-least 0.4
