# 100-byte records from the page cache to one consumer.
size=100 records=10000000
. "$here/workloads/consume.sh"
variants=(limit ours librdkafka java ours limit)
target records_per_second ours librdkafka at-least 2
target records_per_second ours java at-least 1.5
