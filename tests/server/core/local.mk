# tests/server/core/: transcripts and a random world for the pure cores.
check_PROGRAMS += tests/server/core/test_core
TESTS += tests/server/core/test_core
tests_server_core_test_core_SOURCES = \
	tests/server/core/main.c tests/server/core/suites.h \
	tests/server/core/script_controller.c \
	tests/server/core/script_member.c \
	tests/server/core/test_controller.c \
	tests/server/core/test_controller_memory.c \
	tests/server/core/test_controller_random.c \
	tests/server/core/test_election.c \
	tests/server/core/test_member.c \
	tests/server/core/test_placement.c \
	tests/server/core/test_topic_plan.c \
	tests/server/core/transcript.c tests/server/core/transcript.h \
	tests/server/core/world.c tests/server/core/world.h
tests_server_core_test_core_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DTRANSCRIPTS='"$(top_srcdir)/tests/server/core"'
# Allocations go through test_controller_memory.c, which can fail the n-th.
tests_server_core_test_core_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
tests_server_core_test_core_LDADD = libcore.la libcommon.la libtestlib.la $(CHECK_LIBS)

EXTRA_DIST += tests/server/core/controller tests/server/core/member
