# tests/server/core/: transcripts and a random world for the pure cores.
check_PROGRAMS += tests/server/core/test_core
TESTS += tests/server/core/test_core
tests_server_core_test_core_SOURCES = \
	tests/server/core/main.c tests/server/core/suites.h \
	tests/server/core/allocations.c tests/server/core/allocations.h \
	tests/server/core/crew.c tests/server/core/crew.h tests/server/core/crew_private.h \
	tests/server/core/crew_broker.c \
	tests/server/core/crew_control.c \
	tests/server/core/crew_judge.c \
	tests/server/core/crew_network.c \
	tests/server/core/groups_log.c tests/server/core/groups_log.h \
	tests/server/core/groups_world.c tests/server/core/groups_world.h \
	tests/server/core/groups_world_private.h tests/server/core/groups_world_clients.c \
	tests/server/core/script_controller.c \
	tests/server/core/script_groups.c \
	tests/server/core/script_features.c \
	tests/server/core/script_member.c \
	tests/server/core/script_print.c tests/server/core/script_private.h \
	tests/server/core/script_replica.c \
	tests/server/core/test_controller.c \
	tests/server/core/test_controller_memory.c \
	tests/server/core/test_controller_random.c \
	tests/server/core/test_election.c \
	tests/server/core/test_groups.c \
	tests/server/core/test_groups_memory.c \
	tests/server/core/test_groups_random.c \
	tests/server/core/test_features.c \
	tests/server/core/test_member.c \
	tests/server/core/test_placement.c \
	tests/server/core/test_replica.c \
	tests/server/core/test_replica_random.c \
	tests/server/core/test_topic_plan.c \
	tests/server/core/transcript.c tests/server/core/transcript.h \
	tests/server/core/world.c tests/server/core/world.h \
	tests/server/core/world_private.h \
	tests/server/core/world_events.c \
	tests/server/core/world_hear.c \
	tests/server/core/world_replicas.c \
	tests/server/core/world_reports.c \
	tests/server/core/world_store.c
tests_server_core_test_core_CPPFLAGS = $(AM_CPPFLAGS) $(CHECK_CFLAGS) \
	-DTRANSCRIPTS='"$(top_srcdir)/tests/server/core"'
# Allocations go through allocations.c, which can fail the n-th.
tests_server_core_test_core_LDFLAGS = $(AM_LDFLAGS) \
	-Wl,--wrap=malloc,--wrap=calloc,--wrap=realloc,--wrap=strdup
tests_server_core_test_core_LDADD = libcore.la libcommon.la libtestlib.la $(CHECK_LIBS)

EXTRA_DIST += tests/server/core/controller tests/server/core/features \
	tests/server/core/groups tests/server/core/member \
	tests/server/core/replica
