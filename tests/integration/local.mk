# tests/integration/: real processes on loopback. The scripts are run by tests/run.
check_PROGRAMS += tests/integration/zk_probe
tests_integration_zk_probe_SOURCES = tests/integration/zk_probe.c
tests_integration_zk_probe_CPPFLAGS = $(AM_CPPFLAGS) $(ZOOKEEPER_CFLAGS)
tests_integration_zk_probe_LDADD = $(ZOOKEEPER_LIBS)
# Members of a group without a client library.
check_PROGRAMS += tests/integration/group_probe tests/integration/group_crowd tests/integration/group_one
tests_integration_group_probe_SOURCES = tests/integration/group_probe.c \
	tests/integration/group_wire.h tests/integration/group_wire.c
tests_integration_group_probe_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_integration_group_probe_LDADD = libproto.la libcommon.la
$(tests_integration_group_probe_OBJECTS): | proto/kairn.pb-c.h
tests_integration_group_crowd_SOURCES = tests/integration/group_crowd.c \
	tests/integration/group_wire.h tests/integration/group_wire.c
tests_integration_group_crowd_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_integration_group_crowd_LDADD = libproto.la libcommon.la
$(tests_integration_group_crowd_OBJECTS): | proto/kairn.pb-c.h
tests_integration_group_one_SOURCES = tests/integration/group_one.c \
	tests/integration/group_wire.h tests/integration/group_wire.c
tests_integration_group_one_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS)
tests_integration_group_one_LDADD = libproto.la libcommon.la
$(tests_integration_group_one_OBJECTS): | proto/kairn.pb-c.h
# A consumer with a retry policy.
check_PROGRAMS += tests/integration/dlq_probe
tests_integration_dlq_probe_SOURCES = tests/integration/dlq_probe.c
tests_integration_dlq_probe_CPPFLAGS = $(klient_example_flags)
tests_integration_dlq_probe_LDADD = libklient.la
EXTRA_DIST += tests/run \
	tests/integration/dist.sh \
	tests/integration/examples.sh \
	tests/integration/lib.sh \
	tests/integration/test_alter.sh tests/integration/test_auto_create.sh \
	tests/integration/test_bad_input.sh \
	tests/integration/test_codecs.sh \
	tests/integration/test_compaction.sh tests/integration/test_connections.sh \
	tests/integration/test_deploy.sh \
	tests/integration/test_disk_full.sh tests/integration/test_doctor.sh \
	tests/integration/test_dlq.sh \
	tests/integration/test_fencing.sh \
	tests/integration/test_full_disk.sh \
	tests/integration/test_group_cli.sh tests/integration/test_groups.sh \
	tests/integration/test_kill9.sh tests/integration/test_leaders.sh \
	tests/integration/test_delete.sh tests/integration/test_disk_fails.sh \
	tests/integration/test_log_dirs.sh \
	tests/integration/test_log_tools.sh tests/integration/test_metrics.sh tests/integration/test_move_log.sh tests/integration/test_reassign.sh \
	tests/integration/test_nonsense.sh tests/integration/test_offset_mirror.sh \
	tests/integration/test_neighbours.sh tests/integration/test_operator.sh \
	tests/integration/test_perf.sh tests/integration/test_policy.sh tests/integration/test_ports.sh tests/integration/test_power_everywhere.sh \
	tests/integration/test_preferred.sh tests/integration/test_quickstart.sh \
	tests/integration/test_produce_consume.sh \
	tests/integration/test_replication.sh \
	tests/integration/test_restart.sh \
	tests/integration/test_retention.sh \
	tests/integration/test_upgrade.sh \
	tests/integration/test_znodes.sh \
	tests/integration/test_throttle.sh \
	tests/integration/test_trim_replicas.sh \
	tests/integration/test_zookeeper.sh
