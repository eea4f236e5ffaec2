# 1,000 records a second, from when a record is due until the consumer has it.
rate=1000 seconds=11
. "$here/workloads/latency.sh"
