# 10,000 records a second, from when a record is due until the consumer has it.
rate=10000 seconds=6
. "$here/workloads/latency.sh"
