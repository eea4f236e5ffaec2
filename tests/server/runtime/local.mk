# tests/server/runtime/: what server/api's tests do not reach by way of handlers.
check_PROGRAMS += tests/server/runtime/test_runtime
TESTS += tests/server/runtime/test_runtime
tests_server_runtime_test_runtime_SOURCES = \
	tests/server/runtime/main.c tests/server/runtime/suites.h \
	tests/server/lib/plane.h tests/server/lib/plane.c tests/server/lib/plane_records.c \
	tests/server/lib/plane_where.c \
	tests/server/lib/group_member.h tests/server/lib/group_member.c \
	tests/server/lib/slow_disk.h tests/server/lib/slow_disk.c \
	tests/server/runtime/answer.h tests/server/runtime/answer.c \
	tests/server/runtime/test_broken.c \
	tests/server/runtime/test_cleaner.c \
	tests/server/runtime/test_compaction.c \
	tests/server/runtime/test_fetcher.c \
	tests/server/runtime/test_flush.c \
	tests/server/runtime/test_follower_report.c \
	tests/server/runtime/test_group_load.c \
	tests/server/runtime/test_group_records.c \
	tests/server/runtime/test_io_pool.c \
	tests/server/runtime/test_lost_copies.c \
	tests/server/runtime/test_memory.c \
	tests/server/runtime/test_metadata.c \
	tests/server/runtime/test_quota.c \
	tests/server/runtime/test_recovery.c \
	tests/server/runtime/test_rest.c \
	tests/server/runtime/test_warm.c \
	tests/torture/memory.h tests/torture/memory.c
tests_server_runtime_test_runtime_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS)
tests_server_runtime_test_runtime_LDFLAGS = $(memory_ldflags)
tests_server_runtime_test_runtime_LDADD = libtestlib.la $(BROKER_LIBS) $(CHECK_LIBS)

# The control plane, against a real ZooKeeper server.
check_PROGRAMS += tests/server/runtime/test_control
TESTS += tests/server/runtime/test_control
tests_server_runtime_test_control_SOURCES = \
	tests/zk/inbox.h tests/zk/inbox.c \
	tests/zk/peer.h tests/zk/peer.c \
	tests/zk/proxy.h tests/zk/proxy.c \
	tests/zk/server.h tests/zk/server.c \
	tests/server/lib/crew.h tests/server/lib/crew.c \
	tests/server/lib/crew_server.h tests/server/lib/crew_server.c \
	tests/server/runtime/control_main.c tests/server/runtime/suites.h \
	tests/server/runtime/test_control.c \
	tests/server/runtime/test_control_configs.c \
	tests/server/runtime/test_control_memory.c \
	tests/server/runtime/test_control_topics.c \
	tests/server/runtime/test_offset_mirror.c \
	tests/server/runtime/test_producer_ids.c \
	tests/torture/memory.h tests/torture/memory.c
tests_server_runtime_test_control_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) $(PROTOBUF_C_CFLAGS) \
	$(ZOOKEEPER_CFLAGS) -DTOP_SRCDIR='"$(abs_top_srcdir)"'
tests_server_runtime_test_control_LDFLAGS = $(memory_ldflags)
tests_server_runtime_test_control_LDADD = libtestlib.la $(BROKER_LIBS) $(CHECK_LIBS)
