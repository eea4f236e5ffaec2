# tests/torture/: memory and disks that fail, one thing after the other; tests/torture/run.
check_PROGRAMS += tests/torture/torture_broker
tests_torture_torture_broker_SOURCES = \
	tests/torture/bad_disk.h tests/torture/bad_disk.c \
	tests/torture/memory.h tests/torture/memory.c \
	tests/torture/torture.h tests/torture/torture.c \
	tests/torture/torture_broker.c $(broker_life_sources)
tests_torture_torture_broker_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS) $(CHECK_CFLAGS)
tests_torture_torture_broker_LDFLAGS = $(memory_ldflags)
tests_torture_torture_broker_LDADD = libtestlib.la $(BROKER_LIBS)

check_PROGRAMS += tests/torture/torture_client
tests_torture_torture_client_SOURCES = \
	tests/torture/memory.h tests/torture/memory.c \
	tests/torture/torture.h tests/torture/torture.c \
	tests/torture/torture_client.c $(client_life_sources)
tests_torture_torture_client_CPPFLAGS = $(AM_CPPFLAGS) $(PROTOBUF_C_CFLAGS) $(CHECK_CFLAGS) \
	-DSOURCE_DIR='"$(abs_top_srcdir)"'
tests_torture_torture_client_LDFLAGS = $(memory_ldflags)
tests_torture_torture_client_LDADD = libtestlib.la libklientcore.la libcore.la libnet.la libproto.la \
	libcommon.la

# kairnd, with another ZooKeeper.
check_PROGRAMS += tests/torture/kairnd_bad_zookeeper
tests_torture_kairnd_bad_zookeeper_SOURCES = tests/torture/bad_zookeeper.c server/main.c
tests_torture_kairnd_bad_zookeeper_CPPFLAGS = $(AM_CPPFLAGS)
tests_torture_kairnd_bad_zookeeper_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=zoo_async,--wrap=zoo_awget,--wrap=zoo_awexists,--wrap=zoo_awget_children \
	-Wl,--wrap=zoo_aset,--wrap=zoo_amulti
tests_torture_kairnd_bad_zookeeper_LDADD = $(BROKER_LIBS)

# kairnd, with memory that fails.
check_PROGRAMS += tests/torture/kairnd_bad_memory
tests_torture_kairnd_bad_memory_SOURCES = \
	tests/torture/memory.h tests/torture/memory.c tests/torture/bad_memory.c server/main.c
tests_torture_kairnd_bad_memory_CPPFLAGS = $(AM_CPPFLAGS)
tests_torture_kairnd_bad_memory_LDFLAGS = $(memory_ldflags)
tests_torture_kairnd_bad_memory_LDADD = $(BROKER_LIBS)

EXTRA_DIST += tests/torture/run tests/torture/start tests/torture/zookeeper
