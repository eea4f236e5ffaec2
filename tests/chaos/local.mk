# tests/chaos/: real processes, a real ensemble, and everything that can go wrong with both. The
# judge of histories is a unit test; tests/chaos/run is the rest.
check_PROGRAMS += tests/chaos/test_judge tests/chaos/check tests/chaos/crowd tests/chaos/cut \
	tests/chaos/proxy tests/chaos/workload
TESTS += tests/chaos/test_judge
judge_sources = \
	tests/chaos/history.h tests/chaos/history.c \
	tests/chaos/judge.h tests/chaos/judge_private.h tests/chaos/judge.c tests/chaos/judge_groups.c
tests_chaos_test_judge_SOURCES = $(judge_sources) tests/chaos/test_judge.h \
	tests/chaos/test_judge.c tests/chaos/test_judge_groups.c
tests_chaos_test_judge_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS)
tests_chaos_test_judge_LDADD = libtestlib.la $(CHECK_LIBS)
tests_chaos_check_SOURCES = $(judge_sources) tests/chaos/check.c
tests_chaos_workload_SOURCES = \
	tests/chaos/history.h tests/chaos/history.c tests/chaos/record.h tests/chaos/record.c \
	tests/chaos/workload.c
tests_chaos_workload_LDADD = libklient.la libcommon.la
tests_chaos_crowd_SOURCES = \
	tests/chaos/history.h tests/chaos/history.c tests/chaos/record.h tests/chaos/record.c \
	tests/chaos/member.h tests/chaos/member.c tests/chaos/crowd.c
tests_chaos_crowd_LDADD = libklient.la libcommon.la
tests_chaos_cut_SOURCES = tests/chaos/cut.c tests/power/loop_disk.h tests/power/loop_disk.c
tests_chaos_cut_LDADD = libtestlib.la libstorage.la libproto.la libcommon.la
tests_chaos_proxy_SOURCES = tests/chaos/proxy.c
tests_chaos_proxy_CPPFLAGS = $(AM_CPPFLAGS) $(EVENT_CFLAGS)
tests_chaos_proxy_LDADD = $(EVENT_LIBS)
EXTRA_DIST += tests/chaos/faults.sh tests/chaos/lib.sh tests/chaos/run
