# tests/sim/: a whole cluster in one thread, with time, network, disks and ZooKeeper made up; and
# groups of consumers with what coordinates them.
check_LTLIBRARIES += libsim.la
libsim_la_SOURCES = \
	tests/sim/broker.c \
	tests/sim/clients.c \
	tests/sim/cluster.c tests/sim/cluster.h \
	tests/sim/counters.h \
	tests/sim/disk.c tests/sim/disk.h \
	tests/sim/drive_chair.c \
	tests/sim/drive_drain.c \
	tests/sim/drive_member.c \
	tests/sim/drive_news.c \
	tests/sim/drive_replica.c \
	tests/sim/drive_store.c \
	tests/sim/ends.c \
	tests/sim/faults.c tests/sim/lease.c \
	tests/sim/fetches.c \
	tests/sim/lives.c tests/sim/lives.h \
	tests/sim/net.c tests/sim/net.h \
	tests/sim/options.c tests/sim/options.h \
	tests/sim/plan.c tests/sim/plan.h \
	tests/sim/plots.c \
	tests/sim/sched.c tests/sim/sched.h \
	tests/sim/shrink.c tests/sim/shrink.h \
	tests/sim/truth.c \
	tests/sim/world.c tests/sim/world.h \
	tests/sim/zk.c tests/sim/zk.h tests/sim/zk_client.c tests/sim/zk_private.h

check_LTLIBRARIES += libsimgroups.la
libsimgroups_la_SOURCES = \
	tests/server/core/groups_log.c tests/server/core/groups_log.h \
	tests/sim/groups/club.c tests/sim/groups/club.h \
	tests/sim/groups/consumer.c \
	tests/sim/groups/consumer_assign.c \
	tests/sim/groups/consumer_hear.c \
	tests/sim/groups/counters.h \
	tests/sim/groups/desk.c \
	tests/sim/groups/facts.c \
	tests/sim/groups/faults.c \
	tests/sim/groups/message.c \
	tests/sim/groups/options.c tests/sim/groups/options.h \
	tests/sim/groups/topic.c \
	tests/sim/groups/watch.c \
	tests/sim/groups/watch_answers.c
sim_groups_libs = libsimgroups.la libsim.la libcore.la libklientcore.la libproto.la libcommon.la

check_PROGRAMS += tests/sim/sim tests/sim/sim_groups tests/sim/test_sim
TESTS += tests/sim/test_sim
tests_sim_sim_SOURCES = tests/sim/sim.c
tests_sim_sim_LDADD = libsim.la libcore.la libcommon.la
tests_sim_sim_groups_SOURCES = tests/sim/groups/sim_groups.c
tests_sim_sim_groups_LDADD = $(sim_groups_libs)
tests_sim_test_sim_SOURCES = \
	tests/sim/main.c tests/sim/suites.h \
	tests/sim/test_disk.c tests/sim/test_groups.c tests/sim/test_net.c tests/sim/test_sched.c \
	tests/sim/test_world.c tests/sim/test_zk.c
tests_sim_test_sim_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DREGRESSIONS='"$(top_srcdir)/tests/sim/regressions"' \
	-DREGRESSIONS_OF_GROUPS='"$(top_srcdir)/tests/sim/groups/regressions"'
tests_sim_test_sim_LDADD = $(sim_groups_libs) libtestlib.la $(CHECK_LIBS)

EXTRA_DIST += tests/sim/run tests/sim/regressions tests/sim/groups/regressions
