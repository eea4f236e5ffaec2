# tests/integration/: real processes on loopback. The scripts are run by tests/run.
check_PROGRAMS += tests/integration/zk_probe tests/integration/workload
tests_integration_zk_probe_SOURCES = tests/integration/zk_probe.c
tests_integration_zk_probe_CPPFLAGS = $(AM_CPPFLAGS) $(ZOOKEEPER_CFLAGS)
tests_integration_zk_probe_LDADD = $(ZOOKEEPER_LIBS)
tests_integration_workload_SOURCES = tests/integration/workload.c
tests_integration_workload_LDADD = libklient.la
EXTRA_DIST += tests/run \
	tests/integration/dist.sh \
	tests/integration/examples.sh \
	tests/integration/lib.sh \
	tests/integration/test_alter.sh \
	tests/integration/test_bad_input.sh \
	tests/integration/test_codecs.sh \
	tests/integration/test_compaction.sh \
	tests/integration/test_deploy.sh \
	tests/integration/test_disk_full.sh \
	tests/integration/test_kill9.sh \
	tests/integration/test_log_dirs.sh \
	tests/integration/test_log_tools.sh tests/integration/test_move_log.sh \
	tests/integration/test_perf.sh \
	tests/integration/test_produce_consume.sh \
	tests/integration/test_restart.sh \
	tests/integration/test_retention.sh \
	tests/integration/test_znodes.sh \
	tests/integration/test_zookeeper.sh
