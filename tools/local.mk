# tools/: the kairn command and the scripts that check the tree.

# The scripts that prove what HACKING.md promises; `make check` and tests/run run them.
CHECK_TOOLS = tools/check-layers tools/check-pure tools/check-state tools/check-style tools/check-compat tools/check-man tools/check-events \
	tools/check-options
TESTS += $(CHECK_TOOLS) tests/tools/test_checks.sh tests/tools/test_bench_stats.sh tests/tools/test_bench_crowd.sh
EXTRA_DIST += $(CHECK_TOOLS) tests/tools/test_checks.sh tests/tools/test_bench_stats.sh tests/tools/test_bench_crowd.sh \
	docs/layers.txt docs/pure-symbols.txt docs/style-exceptions.txt
# The kairn command. It uses klient.h; only `kairn log dump` reads files of the storage itself.
bin_PROGRAMS += kairn
kairn_SOURCES = \
	tools/kairn/alter.c \
	tools/kairn/partition.c \
	tools/kairn/args.c \
	tools/kairn/bytes.h tools/kairn/bytes.c \
	tools/kairn/broker_loglevel.c tools/kairn/broker_metrics.c tools/kairn/cluster.c \
	tools/kairn/checkup.h tools/kairn/checkup.c tools/kairn/checkup_cluster.c \
	tools/kairn/checkup_machine.c tools/kairn/checkup_zookeeper.c \
	tools/kairn/colour.h tools/kairn/colour.c \
	tools/kairn/command.h \
	tools/kairn/complete.h tools/kairn/complete.c tools/kairn/completion.c \
	tools/kairn/config.c \
	tools/kairn/connect.h tools/kairn/connect.c \
	tools/kairn/consume.h tools/kairn/consume.c tools/kairn/consume_group.c \
	tools/kairn/dlq.h tools/kairn/dlq.c tools/kairn/dlq_replay.c tools/kairn/dlq_show.c \
	tools/kairn/dlq_status.c \
	tools/kairn/doctor.c tools/kairn/facts.h \
	tools/kairn/follower.h tools/kairn/follower.c \
	tools/kairn/group.c tools/kairn/group_ages.h tools/kairn/group_ages.c \
	tools/kairn/group_describe.c tools/kairn/group_members.c \
	tools/kairn/group_reset.h tools/kairn/group_reset.c tools/kairn/group_targets.c \
	tools/kairn/group_rows.h tools/kairn/group_rows.c tools/kairn/group_view.h tools/kairn/group_view.c \
	tools/kairn/health.h tools/kairn/health.c \
	tools/kairn/json.h tools/kairn/json.c \
	tools/kairn/letter.h tools/kairn/letter.c \
	tools/kairn/layout.h tools/kairn/layout.c \
	tools/kairn/log.c \
	tools/kairn/log_dirs.c \
	tools/kairn/log_recover.c \
	tools/kairn/interrupt.h tools/kairn/interrupt.c \
	tools/kairn/log_value.h tools/kairn/log_value.c \
	tools/kairn/log_copies.h tools/kairn/log_copies.c \
	tools/kairn/log_verify.c \
	tools/kairn/machine.h tools/kairn/machine.c \
	tools/kairn/main.c \
	tools/kairn/pauses.h tools/kairn/pauses.c \
	tools/kairn/assignment.h tools/kairn/assignment.c \
	tools/kairn/moment.h tools/kairn/moment.c \
	tools/kairn/move_throttle.h tools/kairn/move_throttle.c \
	tools/kairn/moves.h tools/kairn/moves.c \
	tools/kairn/offsets_file.h tools/kairn/offsets_file.c \
	tools/kairn/pair_list.h tools/kairn/pair_list.c \
	tools/kairn/partition_elect.c \
	tools/kairn/partition_reassign.c \
	tools/kairn/perf.h tools/kairn/perf.c \
	tools/kairn/perf_consume.c \
	tools/kairn/perf_latency.c \
	tools/kairn/perf_produce.c \
	tools/kairn/planner.h tools/kairn/planner_private.h \
	tools/kairn/planner.c tools/kairn/planner_spread.c \
	tools/kairn/plans.h tools/kairn/plans.c \
	tools/kairn/produce.h tools/kairn/produce.c tools/kairn/produce_input.c \
	tools/kairn/rebalance.c \
	tools/kairn/reading.h tools/kairn/reading.c \
	tools/kairn/ailments.h tools/kairn/ailments.c \
	tools/kairn/recovery.h tools/kairn/recovery.c \
	tools/kairn/record_format.h tools/kairn/record_format.c \
	tools/kairn/record_input.h tools/kairn/record_input.c \
	tools/kairn/setting_text.h tools/kairn/setting_text.c \
	tools/kairn/table.h tools/kairn/table.c \
	tools/kairn/topic.c \
	tools/kairn/topic_describe.c \
	tools/kairn/topic_offsets.c \
	tools/kairn/group_import.c \
	tools/kairn/trim.c \
	tools/kairn/watch.h tools/kairn/watch.c \
	tools/kairn/wishes.h tools/kairn/wishes.c \
	tools/kairn/topic_logs.h tools/kairn/topic_logs.c \
	tools/kairn/zookeeper.h tools/kairn/zookeeper.c
kairn_CPPFLAGS = $(AM_CPPFLAGS) $(JANSSON_CFLAGS)
kairn_LDADD = libstorage.la libproto.la libcommon.la libklient.la $(JANSSON_LIBS) $(PROTOBUF_C_LIBS)
