# bench/: programs that bench/run drives.
noinst_PROGRAMS += bench/null_broker bench/limits bench/stats bench/hold
bench_loopback = bench/loopback.h bench/loopback.c
bench_null_broker_SOURCES = bench/null_broker.c $(bench_loopback)
bench_null_broker_LDADD = libcommon.la
bench_limits_SOURCES = bench/limits.c $(bench_loopback)
bench_limits_LDADD = libproto.la libcommon.la
bench_stats_SOURCES = bench/stats.c
bench_stats_LDADD = -lm
bench_hold_SOURCES = bench/hold.c
EXTRA_DIST += bench/run bench/lib.sh bench/history.txt bench/workloads/C1-100.sh \
	bench/workloads/C1-1K.sh bench/workloads/C1-cold.sh bench/workloads/L1-10k.sh \
	bench/workloads/L1-1k.sh bench/workloads/P1-100.sh bench/workloads/P1-1K.sh \
	bench/workloads/P1d.sh bench/workloads/R1.sh bench/workloads/client.sh \
	bench/workloads/consume.sh bench/workloads/idle.sh bench/workloads/latency.sh \
	bench/workloads/e2e.sh bench/workloads/failover.sh bench/workloads/group.sh bench/workloads/limits.sh \
	bench/workloads/produce.sh bench/workloads/quiet.sh bench/workloads/repl.sh \
	bench/workloads/replicated.sh bench/workloads/many.sh bench/workloads/compact.sh \
	bench/workloads/stall.sh bench/workloads/P3.sh bench/workloads/counts.sh bench/instructions.txt bench/workloads/M1.sh bench/workloads/neighbour.sh

# Peers. Kafka itself runs from its published jars; librdkafka is built against where it is there.
EXTRA_DIST += bench/peers/kafka bench/peers/KafkaBench.java bench/peers/rdkafka_bench.c \
	bench/peers/rdkafka_group.c
if HAVE_RDKAFKA
noinst_PROGRAMS += bench/peers/rdkafka_bench bench/peers/rdkafka_group
bench_peers_rdkafka_bench_SOURCES = bench/peers/rdkafka_bench.c
bench_peers_rdkafka_bench_CPPFLAGS = $(AM_CPPFLAGS) $(RDKAFKA_CFLAGS)
bench_peers_rdkafka_bench_LDADD = libcommon.la $(RDKAFKA_LIBS)
bench_peers_rdkafka_group_SOURCES = bench/peers/rdkafka_group.c $(bench_group_story)
bench_peers_rdkafka_group_CPPFLAGS = $(AM_CPPFLAGS) $(RDKAFKA_CFLAGS)
bench_peers_rdkafka_group_LDADD = $(RDKAFKA_LIBS)
endif

# libklient's own cost, against a broker in the same process that throws records away.
fake_broker_sources = tests/client/fake_broker.h tests/client/fake_broker.c \
	tests/client/fake_alter.c tests/client/fake_answers.c tests/client/fake_describe.c \
	tests/client/fake_fetch.c \
	tests/client/fake_groups.c tests/client/fake_group_admin.c tests/client/fake_group_answers.c tests/client/fake_hostile.c \
	tests/client/fake_private.h tests/client/fake_sequences.c tests/client/fake_sessions.c tests/client/fake_topics.c
noinst_PROGRAMS += bench/klient_produce
bench_klient_produce_SOURCES = bench/klient_produce.c $(fake_broker_sources)
bench_klient_produce_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
bench_klient_produce_LDADD = libklient.la libcore.la libnet.la libproto.la libcommon.la

# Compaction of a log in this process.
noinst_PROGRAMS += bench/compact
bench_compact_SOURCES = bench/compact.c
bench_compact_LDADD = libstorage.la libproto.la libcommon.la

# Opening logs after a clean stop, a kill and a power cut.
noinst_PROGRAMS += bench/open
bench_open_SOURCES = bench/open.c
bench_open_LDADD = libstorage.la libproto.la libcommon.la

# What the machine allows with three replicas, and how long writes pause.
noinst_PROGRAMS += bench/null_cluster bench/failover
bench_null_cluster_SOURCES = bench/null_cluster.c $(bench_loopback)
bench_null_cluster_LDADD = libcommon.la
bench_failover_SOURCES = bench/failover.c
bench_failover_LDADD = libklient.la

# Groups of consumers: rebalances, members that do nothing, commits.
noinst_PROGRAMS += bench/group
bench_group_story = bench/ownership.h bench/ownership.c bench/phases.h bench/phases.c
bench_group_SOURCES = bench/group.c bench/proc_memory.h bench/proc_memory.c $(bench_loopback) \
	$(bench_group_story)
bench_group_LDADD = libklient.la

# What a leader computes for a group: client/assignor.h.
noinst_PROGRAMS += bench/assign
bench_assign_SOURCES = bench/assign.c
bench_assign_LDADD = libklientcore.la libnet.la libproto.la libcommon.la

# A thousand connections that each send one record at a time, and the null broker for them.
noinst_PROGRAMS += bench/crowd
bench_crowd_SOURCES = bench/crowd.c bench/ledger.h bench/ledger.c bench/null_crowd.h \
	bench/null_crowd.c bench/wire.h bench/wire.c $(bench_loopback)
bench_crowd_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
bench_crowd_LDADD = libklient.la libproto.la libcommon.la

# Hot paths whose instructions are counted, one of them through the tests' broker without a network.
if HAVE_CHECK
noinst_PROGRAMS += bench/counts
bench_counts_SOURCES = bench/counts.c bench/wire.h bench/wire.c $(bench_loopback) tests/fuzz/check_lib.c tests/server/lib/plane.h tests/server/lib/plane.c \
	tests/server/lib/plane_records.c tests/server/lib/plane_where.c \
	tests/server/broker/gate_rig.h tests/server/broker/gate_rig.c
bench_counts_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
bench_counts_LDADD = libtestlib.la $(BROKER_LIBS)
endif

# What connections cost that do nothing.
noinst_PROGRAMS += bench/idlers
bench_idlers_SOURCES = bench/idlers.c bench/proc_memory.h bench/proc_memory.c bench/wire.h \
	bench/wire.c $(bench_loopback)
bench_idlers_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
bench_idlers_LDADD = libproto.la libcommon.la

# Clients that are no good.
noinst_PROGRAMS += bench/nuisance
bench_nuisance_SOURCES = bench/nuisance.c bench/wire.h bench/wire.c $(bench_loopback)
bench_nuisance_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
bench_nuisance_LDADD = libproto.la libcommon.la
